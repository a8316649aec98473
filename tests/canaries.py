"""Where something is found that could only be one person's: in any spelling, in tables and in files."""

import base64
import json
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

TABLES = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""


def spellings(canary: str) -> list[str]:
    """As text, as bytes that psql shows, in base64, and as JSON writes what is not ASCII."""
    raw = canary.encode()
    encoded = base64.b64encode(raw).decode()[: len(raw) * 4 // 3 // 4 * 4]
    return [canary, raw.hex(), encoded, json.dumps(canary)[1:-1]]


def found_in(text: str, canaries: list[str]) -> set[str]:
    return {canary for canary in canaries for spelling in spellings(canary) if spelling in text}


async def dump(dsn: str) -> dict[str, str]:
    """Every row of every table as text."""
    shown = {}
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        for schema, table in await (await connection.execute(TABLES)).fetchall():
            query = SQL("SELECT one::text FROM {}.{} AS one").format(Identifier(schema), Identifier(table))
            shown[f"{schema}.{table}"] = "\n".join(row for (row,) in await (await connection.execute(query)).fetchall())
    return shown


def in_tables(shown: dict[str, str], canaries: list[str]) -> dict[str, set[str]]:
    found = {table: found_in(text, canaries) for table, text in shown.items()}
    return {table: canaries for table, canaries in found.items() if canaries}


def in_files(folder: Path, canaries: list[str]) -> dict[str, set[str]]:
    """`sandbox/` is the provider that is played: what she told it there it may know."""
    found = {
        str(path.relative_to(folder)): found_in(path.read_bytes().decode(errors="replace"), canaries)
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != "sandbox"
    }
    return {name: canaries for name, canaries in found.items() if canaries}
