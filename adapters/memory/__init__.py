"""Every port in memory, for tests that need no database."""
