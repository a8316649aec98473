"""Applies the numbered SQL files that a database lacks: once, in order, under a lock, by the owner's role."""

import hashlib
from importlib.resources import files
from typing import NamedTuple

import psycopg
from psycopg import Connection, sql

LOCK = 0x5354524D  # "STRM"
LOCK_TIMEOUT_SECONDS = 60
OWN_SCHEMAS = ("ledger", "ops", "vault", "jobs")
VAULT = "0002_vault.sql"
"""The one file that a database of the vault's own needs; it asks for nothing of the others."""


class MigrationEdited(Exception):
    """A file that was applied has been changed since; migrations are only ever added."""


class DatabaseTooNew(Exception):
    """The database has migrations that this program does not know; a newer one has been here."""


class Migration(NamedTuple):
    """One numbered file."""

    name: str
    statements: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.statements.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Every migration there is, in order."""
    folder = files("adapters.postgres.migrations")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted(Migration(entry.name, entry.read_text("utf-8")) for entry in found)


class AppRole(NamedTuple):
    """The role that the program runs as; `password` None: the server lets it in without one."""

    name: str
    password: str | None = None


def pending(dsn: str, *, vault_alone: bool = False) -> list[str]:
    """The names of the migrations that it lacks, all or the vault's alone. Raises MigrationEdited, DatabaseTooNew."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        found = connection.execute("SELECT to_regclass('public.schema_migrations')").fetchone()
        known = _known(connection) if found and found[0] else {}
        return [migration.name for migration in _missing(known, vault_alone=vault_alone)]


def migrate(owner_dsn: str, *, app: AppRole | None = None, vault_alone: bool = False) -> list[str]:
    """Bring the database up to date and say which files were applied; with `vault_alone`, of the vault's own only.

    `app` is the program's role, where it is another than the owner's: it is made if it is missing, and may insert into
    and select from the ledger, but not change it.

    Raises:
        MigrationEdited, DatabaseTooNew, psycopg.Error.
    """
    with psycopg.connect(owner_dsn, autocommit=True, connect_timeout=10) as connection:
        connection.execute(sql.SQL("SET lock_timeout = '{}s'").format(LOCK_TIMEOUT_SECONDS))
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        applied = _apply_missing(connection, vault_alone=vault_alone)
        if app is not None:
            _let_app_in(connection, app, vault_alone=vault_alone)
        return applied


def _apply_missing(connection: Connection, *, vault_alone: bool) -> list[str]:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS public.schema_migrations"
        " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    missing = _missing(_known(connection), vault_alone=vault_alone)
    for migration in missing:
        _apply(connection, migration)
    return [migration.name for migration in missing]


def _known(connection: Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, sha256 FROM public.schema_migrations").fetchall())


def _missing(known: dict[str, str], *, vault_alone: bool) -> list[Migration]:
    ours = migrations()
    if strangers := known.keys() - {migration.name for migration in ours}:
        raise DatabaseTooNew(f"this program does not know {', '.join(sorted(strangers))}")
    wanted = [migration for migration in ours if migration.name == VAULT or not vault_alone]
    for migration in wanted:
        if known.get(migration.name, migration.digest) != migration.digest:
            raise MigrationEdited(f"{migration.name} was changed after it had been applied")
    return [migration for migration in wanted if migration.name not in known]


def _apply(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.statements.encode())
        connection.execute(
            "INSERT INTO public.schema_migrations (name, sha256) VALUES (%s, %s)", (migration.name, migration.digest)
        )


def _let_app_in(connection: Connection, app: AppRole, *, vault_alone: bool) -> None:
    """The rights of the program: everything on its own tables, insert and select on the ledger."""
    if connection.execute("SELECT current_user").fetchone() == (app.name,):
        return
    role = sql.Identifier(app.name)
    with connection.transaction():
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (app.name,)).rowcount:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, _verifier(connection, app)))
        for schema in ("vault",) if vault_alone else OWN_SCHEMAS:
            _grant(connection, sql.Identifier(schema), role)
        connection.execute(sql.SQL("GRANT SELECT ON public.schema_migrations TO {}").format(role))
        if not vault_alone:
            _let_make_read_models(connection, role)
            connection.execute(sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON ledger.events FROM {}").format(role))


def _verifier(connection: Connection, app: AppRole) -> sql.Literal:
    """What the server keeps of the password: statements may be logged, and it must not stand in them."""
    if not app.password:
        return sql.Literal(None)
    verifier = connection.pgconn.encrypt_password(app.password.encode(), app.name.encode(), b"scram-sha-256")
    return sql.Literal(verifier.decode())


def _let_make_read_models(connection: Connection, role: sql.Identifier) -> None:
    database = connection.execute("SELECT current_database()").fetchone()
    assert database is not None, "a query without FROM gives one row"
    name = sql.Identifier(database[0])
    connection.execute(sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(name, role))


def _grant(connection: Connection, schema: sql.Identifier, role: sql.Identifier) -> None:
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
    connection.execute(
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}").format(schema, role)
    )
    connection.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema, role))
