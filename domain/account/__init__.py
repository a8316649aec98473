"""A person who signs in."""
