"""The adapters, on the real thing."""
