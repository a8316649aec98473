"""The embedded PostgreSQL, with real servers, real kills and real users."""
