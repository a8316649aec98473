"""E-mail: what an address is, and how letters leave by SMTP."""
