"""One suite to a port, run on every adapter."""
