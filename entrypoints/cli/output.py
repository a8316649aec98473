"""What a command prints: a table for people, JSON for programs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs: JSON on standard output.")


def print_json(value: object) -> None:
    """One value as JSON, on a line of its own."""
    click.echo(msgspec.json.encode(value, enc_hook=str).decode())


def print_rows(rows: Sequence[Any], *, as_json: bool, columns: Mapping[str, Callable[[Any], object]]) -> None:
    """Rows as a table with these columns, or as a JSON array of objects with these fields."""
    if as_json:
        print_json([{name: show(row) for name, show in columns.items()} for row in rows])
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(show(row)) for show in columns.values()))
    Console().print(table)
