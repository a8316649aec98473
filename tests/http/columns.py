"""docs/columns.md as a table: every column of the schema, and what a person is told of it."""

import re
from typing import NamedTuple

import psycopg

from tests.architecture.source import ROOT

TEXT = (ROOT / "docs" / "columns.md").read_text()
ROW = re.compile(r"^\| `([\w.]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
COLUMN = re.compile(r"`(\w+)`(?: as `(\w+)`)?")
SAID = re.compile(r"in the export as `(\w+)`(, whole)?|(?:not personal|kept back), because .{10,}")

COLUMNS = """
    SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns
    WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
"""
GENERATION = re.compile(r"_\d+\.")


class Row(NamedTuple):
    """`columns` with the names that they have in the export."""

    table: str
    columns: dict[str, str]
    said: str


def rows() -> list[Row]:
    return [
        Row(table, {name: told or name for name, told in COLUMN.findall(named)}, said)
        for table, named, said in ROW.findall(TEXT)
    ]


async def of_schema(dsn: str) -> set[tuple[str, str]]:
    """Of all tables, those of read models without the number of their generation."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        found = await (await connection.execute(COLUMNS)).fetchall()
    return {(GENERATION.sub(".", table), column) for table, column in found}
