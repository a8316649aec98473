"""Passwords, tokens, keys and the vault."""
