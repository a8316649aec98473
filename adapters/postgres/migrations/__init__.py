"""Numbered SQL, forward only, applied once, under a lock, by the owner's role."""
