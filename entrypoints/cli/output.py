"""What a command prints: a table for people, JSON for programs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_COLUMNS_MAX = 10_000
"""Of characters: what no terminal shows need not fit into one."""

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs: JSON on standard output.")


def print_json(value: object) -> None:
    """One value as JSON, on a line of its own."""
    click.echo(msgspec.json.encode(value, enc_hook=str).decode())


def print_rows(rows: Sequence[Any], *, as_json: bool, columns: Mapping[str, Callable[[Any], object]]) -> None:
    """Rows as a table with these columns, or as a JSON array of objects with these fields.

    Nothing is cut: what is too wide for the terminal is folded, but for the first column, which names the row.
    """
    if as_json:
        print_json([{name: show(row) for name, show in columns.items()} for row in rows])
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(str(show(row))) for show in columns.values()))
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_COLUMNS_MAX
    console.print(table)
