"""The domain: what is decided, what is refused, and what follows."""
