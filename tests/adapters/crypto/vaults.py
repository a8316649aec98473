"""A vault in a database that holds nothing else, as VAULT_DATABASE_URL would give it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from adapters.crypto.master_keys import MasterKeys
from adapters.postgres import pool
from adapters.postgres.pool import Pool
from tests.postgres import Databases

DDL = Path(pool.__file__).parent / "migrations" / "0002_vault.sql"

FIRST_KEY = bytes(range(32))
MASTER_KEYS = MasterKeys({"2026": FIRST_KEY})


def create_vault(databases: Databases) -> str:
    """The DSN of a new database in which the vault's own migration alone has been run."""
    dsn = databases.create()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(DDL.read_bytes())
    return dsn


@asynccontextmanager
async def vault_pool(dsn: str) -> AsyncIterator[Pool]:
    async with pool.new_pool(dsn, size=4) as opened:
        yield opened
