"""The database before anything uses it: migrated where it may be, the vault's own too, and named where it is not."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from entrypoints.settings import Settings
from entrypoints.wiring import Database, DatabaseNotReady, migrate_given, open_house, ready_database
from tests.postgres import Databases

NOWHERE = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"
APP, STEWARD = "streamly_test_vault_app", "streamly_test_steward"


@pytest.fixture
def vault(empty_database: str) -> str:
    return empty_database


def schemas(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'")
        return {name for (name,) in found}


async def keys_are_kept(settings: Settings, dsn: str) -> None:
    async with open_house(settings, dsn):
        with psycopg.connect(settings.vault_database_url) as connection:
            assert connection.execute("SELECT kind FROM vault.keys").fetchall() == [("check",)]


def test_a_vault_of_its_own_may_be_named_later_and_gets_the_vaults_table_alone(
    database: str, vault: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=database, vault_database_url=vault, data_dir=tmp_path)
    for _ in range(2):
        with ready_database(settings) as ready:
            assert schemas(vault) == {"public", "vault"}
            asyncio.run(keys_are_kept(settings, ready.dsn))


def test_beside_the_embedded_database_too(vault: str, tmp_path: Path) -> None:
    settings = Settings(vault_database_url=vault, data_dir=tmp_path)
    with ready_database(settings) as ready:
        assert schemas(vault) == {"public", "vault"}
        asyncio.run(keys_are_kept(settings, ready.dsn))


def test_a_vault_that_was_given_all_tables_once_goes_on_as_it_is(database: str, databases: Databases) -> None:
    full = databases.create()
    migrate_given(Settings(database_url=full))
    with ready_database(Settings(database_url=database, vault_database_url=full)):
        assert "ledger" in schemas(full)
    databases.drop(full)


def test_in_production_the_vaults_table_is_only_made_by_migrate(database: str, vault: str) -> None:
    settings = Settings(env="production", database_url=database, vault_database_url=vault)
    with pytest.raises(DatabaseNotReady, match=r"VAULT_DATABASE_URL.*0002_vault.*streamly migrate"):
        ready_database(settings).__enter__()
    assert migrate_given(settings) == ["0002_vault.sql"]
    with ready_database(settings):
        assert schemas(vault) == {"public", "vault"}


@pytest.fixture
def app_role(postgres_server: str) -> Iterator[str]:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {APP} LOGIN PASSWORD 'onions'")
        yield APP
        connection.execute(f"DROP ROLE {APP}")


def test_the_programs_role_is_let_into_a_vault_that_another_role_owns(app_role: str, database: str, vault: str) -> None:
    as_app = make_conninfo(database, user=app_role, password="onions")
    settings = Settings(database_url=as_app, database_owner_url=database, vault_database_url=vault)
    assert migrate_given(settings) == ["0002_vault.sql"]
    vault_as_app = make_conninfo(vault, user=app_role, password="onions")
    with psycopg.connect(vault_as_app) as connection:
        connection.execute("INSERT INTO vault.keys (kind, id, shredded_at) VALUES ('person', 'anna', now())")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE vault.keys")
    with ready_database(replace(settings, env="production", vault_database_url=vault_as_app)):
        pass


@pytest.fixture
def steward(postgres_server: str, databases: Databases) -> Iterator[str]:
    """Owns a database, and may make no roles."""
    empty = databases.create()
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {STEWARD} LOGIN PASSWORD 'onions'")
        name = sql.Identifier(str(conninfo_to_dict(empty)["dbname"]))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(STEWARD)))
        yield make_conninfo(empty, user=STEWARD, password="onions")
        databases.drop(empty)
        connection.execute(f"DROP ROLE {STEWARD}")


def test_an_owner_who_may_make_no_role_is_told_so(app_role: str, steward: str) -> None:
    as_nobody = make_conninfo(steward, user="streamly_test_nobody")
    with pytest.raises(DatabaseNotReady) as refused:
        migrate_given(Settings(database_url=as_nobody, database_owner_url=steward))
    assert "DATABASE_OWNER_URL names may not" in str(refused.value)
    assert "create role" in str(refused.value)

    as_app = make_conninfo(steward, user=app_role)
    assert migrate_given(Settings(database_url=as_app, database_owner_url=steward)) == [], "somebody else has made it"


@pytest.mark.parametrize("setting", ["database_url", "vault_database_url"])
def test_which_of_the_two_does_not_answer_is_named(database: str, vault: str, setting: str) -> None:
    given = Settings(database_url=database, vault_database_url=vault)
    away = replace(given, **{setting: NOWHERE})
    for start in (ready_database(away).__enter__, lambda: migrate_given(away)):
        with pytest.raises(DatabaseNotReady, match=f"that {setting.upper()} names does not answer"):
            start()


@pytest.mark.anyio
async def test_a_given_database_is_watched_by_its_operator() -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await Database("postgresql:///given", None).watch()
            pytest.fail("a watch ends when it is cancelled, and then alone: whoever runs it would end with it")


@pytest.mark.anyio
async def test_an_embedded_one_that_is_gone_is_started_again(tmp_path: Path) -> None:
    with ready_database(Settings(data_dir=tmp_path)) as database:
        assert database.embedded is not None
        await asyncio.to_thread(database.embedded.stop)
        watching = asyncio.create_task(database.watch())
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(answers, database.dsn):
                await asyncio.sleep(0.05)
        watching.cancel()
        await asyncio.wait([watching])


def answers(dsn: str) -> bool:
    assert conninfo_to_dict(dsn)["user"] == "streamly_app"
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True
