"""Any text comes back from PostgreSQL as it went in, as an element of an array and as a field of a COPY."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL

from adapters.eventstore.literals import CSV_FORMAT, array_literal, csv_lines

AWKWARD = [
    "",
    "null",
    "NULL",
    "\\N",
    "\\.",
    "a\nb",
    "a\r\nb",
    "\t",
    '"',
    '""',
    "\\",
    '\\"',
    "\\n",
    "{}",
    "[]",
    "]\n[",
    ",",
]
AWKWARD += ["\x01\x1f\x7f\x80", "\b\f", "é漢🙂", "\u2028", "'", "%s", "\\u0041", "\\\\u0041"]

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30) | st.sampled_from(AWKWARD)

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def connection(module_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database, autocommit=True) as opened:
        opened.execute("CREATE TEMP TABLE shelf (place int, title text, other text)")
        yield opened


@quick
@given(st.lists(texts | st.none(), max_size=20))
@example(AWKWARD)
def test_text_in_an_array(connection: psycopg.Connection, values: list[str | None]) -> None:
    found = connection.execute("SELECT %s::text[]", (array_literal(values).decode(),)).fetchone()
    assert found == (values,)


@quick
@given(st.lists(st.tuples(texts, texts | st.none()), min_size=1, max_size=20))
@example([(text, None) for text in AWKWARD])
def test_text_in_a_copy(connection: psycopg.Connection, titles: list[tuple[str, str | None]]) -> None:
    rows = [(place, *title) for place, title in enumerate(titles)]
    connection.execute("TRUNCATE shelf")
    with connection.cursor().copy(f"COPY shelf FROM STDIN ({CSV_FORMAT})") as copy:
        copy.write(csv_lines(rows[:7]))
        if rows[7:]:
            copy.write(csv_lines(rows[7:]))
    assert connection.execute("SELECT * FROM shelf ORDER BY place").fetchall() == rows


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("uuid", [UUID(int=0), UUID(int=2**128 - 1), None]),
        ("timestamptz", [datetime(2026, 11, 21, 3, 6, 0, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), None]),
        ("bigint", [0, -(2**63), 2**63 - 1, None]),
        ("double precision", [0.1, 1e300, -5e-324, None]),
        ("boolean", [True, False, None]),
    ],
)
def test_values_of_other_kinds(connection: psycopg.Connection, kind: LiteralString, values: list[Any]) -> None:
    literal = array_literal(values).decode()
    statement = SQL("SELECT %s::{}[]").format(SQL(kind))
    assert connection.execute(statement, (literal,)).fetchone() == (values,)


def test_nul_is_refused_and_never_cut_off(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DataError):
        connection.execute("SELECT %s::text[]", (array_literal(["a\x00b"]).decode(),))
    with pytest.raises(psycopg.DataError), connection.cursor().copy(f"COPY shelf FROM STDIN ({CSV_FORMAT})") as copy:
        copy.write(csv_lines([(1, "a\x00b", None)]))
