"""The columns of a row type: their PostgreSQL types, and their values as JSON."""

from datetime import datetime
from types import UnionType
from typing import Any, LiteralString, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from psycopg.sql import SQL, Composed, Identifier

from application.projections.projection import Row

COLUMN_TYPES: dict[type, LiteralString] = {
    str: "text",
    int: "bigint",
    float: "double precision",
    bool: "boolean",
    UUID: "uuid",
    datetime: "timestamptz",
}


def columns_of(row: type[Row]) -> dict[str, LiteralString]:
    """Each column's name and PostgreSQL type; `NOT NULL` where the field cannot be None."""
    hints = get_type_hints(row)
    return {name: _sql_type(hints[name]) for name in row.__struct_fields__}


def json_of(column: Identifier, kind: LiteralString) -> Composed:
    """The text of a column's JSON: a third of what json_build_array takes."""
    match bare(kind):
        case "uuid":
            text = SQL("""'"' || {} || '"'""")
        case "bigint" | "double precision" | "boolean" | "json":
            text = SQL("{}::text")
        case _:
            text = SQL("to_json({})::text")
    return text.format(column) if kind.endswith("NOT NULL") else SQL("coalesce({}, 'null')").format(text.format(column))


def _sql_type(hint: Any) -> LiteralString:
    if get_origin(hint) in {Union, UnionType}:
        inner = [option for option in get_args(hint) if option is not type(None)]
        return COLUMN_TYPES.get(inner[0], "json") if len(inner) == 1 else "json"
    return COLUMN_TYPES.get(hint, "json") + " NOT NULL"


def bare(kind: LiteralString) -> LiteralString:
    """The type alone."""
    return kind.removesuffix(" NOT NULL")
