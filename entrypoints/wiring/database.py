"""The database before anything uses it: given or embedded, migrated, and the program's role let in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.eventstore.datastore import refuse_database_functions
from adapters.postgres.migrate import AppRole, migrate, pending
from entrypoints.settings import Settings

APP_ROLE = "streamly_app"
PG_BIN = "STREAMLY_PG_BIN"
MASK = "****"


class DatabaseNotReady(Exception):
    """The database lacks something that this process may not bring; the message says what to do."""


@dataclass(frozen=True)
class Database:
    """A migrated database: `dsn` is the program's role on it; `embedded` is the server, where it is ours."""

    dsn: str
    embedded: EmbeddedPostgres | None

    def ensure(self) -> None:
        """Start the embedded server again if it is gone. Raises EmbeddedPostgresUnavailable."""
        if self.embedded is not None:
            self.embedded.ensure()


@contextmanager
def ready_database(settings: Settings) -> Iterator[Database]:
    """The given database, or the embedded one where none is given; migrated, unless that is the operator's to do.

    Raises:
        DatabaseNotReady, EmbeddedPostgresUnavailable, psycopg.Error.
    """
    refuse_database_functions(os.environ)
    if settings.database_url:
        try:
            _bring_up_to_date(settings)
        except psycopg.OperationalError as silent:
            reason = str(silent).strip().splitlines()[-1].strip()
            raise DatabaseNotReady(f"The database that DATABASE_URL names does not answer: {reason}") from None
        yield Database(settings.database_url, None)
        return
    if settings.in_production:
        raise DatabaseNotReady("DATABASE_URL is missing; in production there is no embedded database.")
    bin_dir = os.environ.get(PG_BIN)
    embedded = EmbeddedPostgres(settings.data_dir / "postgres", bin_dir=Path(bin_dir) if bin_dir else None)
    try:
        owner_dsn = embedded.start()
        migrate(owner_dsn, app=AppRole(APP_ROLE))
        yield Database(make_conninfo(owner_dsn, user=APP_ROLE), embedded)
    finally:
        embedded.stop()


def _bring_up_to_date(settings: Settings) -> None:
    """In development tables are made as they are needed; in production by `streamly migrate` alone."""
    lacking = pending(settings.database_url)
    if not lacking:
        return
    if settings.in_production:
        raise DatabaseNotReady(f"The database lacks {', '.join(lacking)}: run `streamly migrate` first.")
    migrate_given(settings)


def migrate_given(settings: Settings) -> list[str]:
    """Migrate the given database as its owner, and let the program's role in where it is another one."""
    owner_dsn = settings.database_owner_url or settings.database_url
    given = conninfo_to_dict(settings.database_url)
    user, password = given.get("user"), given.get("password")
    app = AppRole(str(user), str(password) if password else None) if settings.database_owner_url and user else None
    applied = migrate(owner_dsn, app=app)
    if settings.vault_database_url:
        applied += migrate(settings.vault_database_url)
    return applied


def masked(dsn: str) -> str:
    """The address without its password."""
    parts = conninfo_to_dict(dsn)
    return make_conninfo(dsn, password=MASK) if parts.get("password") else dsn
