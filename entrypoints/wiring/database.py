"""The database before anything uses it: given or embedded, migrated, and the program's role let in."""

import asyncio
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

    async def watch(self) -> None:
        """Until cancelled: start the embedded server again whenever it is gone."""
        if self.embedded is not None:
            await self.embedded.watch()
        await asyncio.Event().wait()


@contextmanager
def ready_database(settings: Settings) -> Iterator[Database]:
    """The given database, or the embedded one where none is given; migrated, unless that is the operator's to do.

    Raises:
        DatabaseNotReady, EmbeddedPostgresUnavailable, psycopg.Error.
    """
    refuse_database_functions(os.environ)
    if settings.database_url:
        _bring_up_to_date(settings)
        yield Database(settings.database_url, None)
        return
    if settings.in_production:
        raise DatabaseNotReady("DATABASE_URL is missing; in production there is no embedded database.")
    bin_dir = os.environ.get(PG_BIN)
    embedded = EmbeddedPostgres(settings.data_dir / "postgres", bin_dir=Path(bin_dir) if bin_dir else None)
    try:
        owner_dsn = embedded.start()
        migrate(owner_dsn, app=AppRole(APP_ROLE))
        _migrate_vault(settings, app=None)
        yield Database(make_conninfo(owner_dsn, user=APP_ROLE), embedded)
    finally:
        embedded.stop()


def _bring_up_to_date(settings: Settings) -> None:
    """In development tables are made as they are needed; in production by `streamly migrate` alone."""
    lacking = _lacking(settings)
    if not lacking:
        return
    if settings.in_production:
        raise DatabaseNotReady(f"{' and '.join(lacking)}: run `streamly migrate` first.")
    migrate_given(settings)


def _lacking(settings: Settings) -> list[str]:
    """What each of the given databases lacks, in words."""
    lacking = {}
    with _answering("DATABASE_URL"):
        lacking["The database"] = pending(settings.database_url)
    if settings.vault_database_url:
        with _answering("VAULT_DATABASE_URL"):
            lacking["The vault (VAULT_DATABASE_URL)"] = pending(settings.vault_database_url, vault_alone=True)
    return [f"{what} lacks {', '.join(names)}" for what, names in lacking.items() if names]


def migrate_given(settings: Settings) -> list[str]:
    """Migrate the given databases as their owners, and let the program's role in where it is another one.

    Raises:
        DatabaseNotReady, psycopg.Error.
    """
    given = conninfo_to_dict(settings.database_url)
    user, password = given.get("user"), given.get("password")
    app = AppRole(str(user), str(password) if password else None) if settings.database_owner_url and user else None
    with _answering("DATABASE_OWNER_URL" if settings.database_owner_url else "DATABASE_URL"):
        applied = migrate(settings.database_owner_url or settings.database_url, app=app)
    return applied + _migrate_vault(settings, app=app)


def _migrate_vault(settings: Settings, *, app: AppRole | None) -> list[str]:
    """Where it has a database of its own, that gets the vault's table and nothing else."""
    if not settings.vault_database_url:
        return []
    with _answering("VAULT_DATABASE_URL"):
        return migrate(settings.vault_database_url, app=app, vault_alone=True)


@contextmanager
def _answering(setting: str) -> Iterator[None]:
    """Raises DatabaseNotReady, in one line, where the database that the setting names does not answer, or refuses."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as refused:
        reason = ": ".join(filter(None, (refused.diag.message_primary, refused.diag.message_detail)))
        raise DatabaseNotReady(f"The role that {setting} names may not do what this takes: {reason}") from None
    except psycopg.OperationalError as silent:
        reason = str(silent).strip().splitlines()[-1].strip()
        raise DatabaseNotReady(f"The database that {setting} names does not answer: {reason}") from None


def masked(dsn: str) -> str:
    """The address without its password."""
    parts = conninfo_to_dict(dsn)
    return make_conninfo(dsn, password=MASK) if parts.get("password") else dsn
