"""The HTTP API, through the application as a client meets it."""
