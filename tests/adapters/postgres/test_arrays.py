"""Columns written as arrays are read back by PostgreSQL as what they were."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.postgres.arrays import booleans, byteas, instants, texts, uuids

NEPAL = timezone(timedelta(hours=5, minutes=45))
NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
BEFORE_1970 = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("write", "values", "type"),
    [
        (texts, ["", "Нина", None, "NULL", '{"a,b"}', "x" * 70_000], "text[]"),
        (texts, [None], "text[]"),
        (texts, [], "text[]"),
        (byteas, [b"", b"\x00\xff", b"y" * 70_000], "bytea[]"),
        (booleans, [True, False], "boolean[]"),
        (uuids, [UUID(int=0), None, UUID("a0000000-0000-4000-8000-000000000001")], "uuid[]"),
        (uuids, [], "uuid[]"),
        (instants, [NOW, None, NOW.astimezone(NEPAL), BEFORE_1970], "timestamptz[]"),
        (instants, [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)], "timestamptz[]"),
    ],
)
def test_what_is_written_is_read(
    database: str, write: Callable[[Sequence[Any]], bytes], values: Sequence[Any], type: str
) -> None:
    with psycopg.connect(database, options="-c TimeZone=UTC") as connection:
        row = connection.execute("SELECT %b, pg_typeof(%b)::text", [write(values)] * 2).fetchone()

    expected = "timestamp with time zone[]" if type == "timestamptz[]" else type
    assert row == (values, expected)


def test_what_is_no_text_is_not_written() -> None:
    with pytest.raises(UnicodeEncodeError):
        texts(["\ud800"])
