"""An embedded PostgreSQL: nothing to install or set up, on Linux and macOS, as root and as an ordinary user."""

from adapters.embedded_postgres.supervisor import EmbeddedPostgres
from adapters.embedded_postgres.unavailable import EmbeddedPostgresUnavailable

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresUnavailable"]
