"""The adapters of e-mail."""
