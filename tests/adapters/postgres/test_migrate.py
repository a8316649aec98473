"""Migrations: once, in order, under a lock; the program's role may add to the ledger and not change it."""

import threading

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from adapters.postgres.migrate import AppRole, DatabaseTooNew, MigrationEdited, migrate, migrations, pending
from tests.postgres import Databases


def test_every_file_is_applied_once_and_in_order(databases: Databases) -> None:
    dsn = databases.create()
    names = [migration.name for migration in migrations()]
    assert pending(dsn) == names == sorted(names)
    assert migrate(dsn) == names
    assert (migrate(dsn), pending(dsn)) == ([], [])
    databases.drop(dsn)


def test_of_four_that_migrate_at_once_one_does_it(databases: Databases) -> None:
    dsn = databases.create()
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(dsn))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrations())]
    databases.drop(dsn)


def test_an_edited_file_and_an_unknown_one_are_refused(databases: Databases) -> None:
    dsn = databases.create()
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE schema_migrations SET sha256 = 'other' WHERE name = '0001_ledger.sql'")
        with pytest.raises(MigrationEdited, match="0001_ledger"):
            migrate(dsn)
        connection.execute("DELETE FROM schema_migrations WHERE name = '0001_ledger.sql'")
        connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES ('9999_future.sql', '')")
    with pytest.raises(DatabaseTooNew, match="9999_future"):
        pending(dsn)
    databases.drop(dsn)


def test_new_tables_hold_nobody_and_no_secret(databases: Databases) -> None:
    """No account is there before somebody makes one."""
    dsn = databases.create()
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        names = connection.execute("SELECT schemaname, relname FROM pg_stat_user_tables").fetchall()
        counts = {
            f"{schema}.{table}": connection.execute(
                SQL("SELECT count(*) FROM {}.{}").format(Identifier(schema), Identifier(table))
            ).fetchall()[0][0]
            for schema, table in names
        }
    databases.drop(dsn)

    assert {table for table, count in counts.items() if count} == {
        *("ops.business_clock", "ops.write_check", "public.schema_migrations")
    }
    assert {"ledger.events", "ops.credentials", "ops.claims", "ops.sessions", "vault.keys"} <= set(counts)


def test_the_programs_role_may_add_to_the_ledger_and_not_change_it(databases: Databases) -> None:
    dsn = databases.create()
    migrate(dsn, app=AppRole("streamly_test_app", "onions"))
    app = make_conninfo(dsn, user="streamly_test_app", password="onions")
    with psycopg.connect(app, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ledger.events VALUES (gen_random_uuid(), 1, 'video.published', '{}', 1, now(), NULL)"
        )
        connection.execute("CREATE SCHEMA access_1")
        for statement in (
            "UPDATE ledger.events SET topic = ''",
            "DELETE FROM ledger.events",
            "TRUNCATE ledger.events",
            "DROP TABLE ledger.events",
            "ALTER TABLE ledger.events DISABLE TRIGGER ALL",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    migrate(dsn, app=AppRole("streamly_test_app", "onions"))
    databases.drop(dsn)
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as connection:
        connection.execute("DROP ROLE streamly_test_app")


def test_the_programs_password_stands_in_no_statement(databases: Databases) -> None:
    dsn = databases.create()
    with psycopg.connect(dsn, autocommit=True) as connection:
        # A server that was told the password itself would keep this of it.
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET password_encryption = 'md5'").format(name))
    migrate(dsn, app=AppRole("streamly_test_login", "onions"))
    databases.drop(dsn)
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as connection:
        kept = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'streamly_test_login'").fetchone()
        connection.execute("DROP ROLE streamly_test_login")

    assert kept is not None
    assert str(kept[0]).startswith("SCRAM-SHA-256$")
