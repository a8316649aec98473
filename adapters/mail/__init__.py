"""E-mail: what an address is."""
