"""The ledger read page by page, as a projection wants it: the facts that have a step there, and no others."""

import select
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Union, cast

import msgspec
from psycopg import Connection, Cursor, OperationalError
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format

from adapters.eventstore.literals import array_literal
from adapters.eventstore.mapper import SHAPE, UNDECODABLE, FactMapper, FactUnreadable
from application.projections.projection import Projection
from domain.shared.fact import Fact

PAGE_POSITIONS = 5_000
"""About 2 MB of facts, which stay in the processor's cache; 100 MB if each is as large as the API takes them."""
PAGE_POSITIONS_MAX = 320_000
PAGE_BYTES = 2_000_000
PAGE_BYTES_MAX = 8_000_000
"""A page of more positions ends with the fact that goes beyond."""
ANSWER_SECONDS_MAX = 60.0

# An aggregate over a sorted subquery takes the rows as they come.
PAGE = """
    SELECT NULL::bigint, '['::bytea || string_agg(state, ',') || ']' FROM (
        SELECT state FROM ledger.events
        WHERE notification_id > {after} AND notification_id <= {upto} AND topic = ANY({topics}::text[])
        ORDER BY notification_id
    ) AS page
"""
"""The position where it had to end, null where it covers all that was asked for, and the facts as a JSON array."""

PAGE_OF_MANY = """
    SELECT CASE WHEN bool_or(before >= {most}) THEN max(notification_id) FILTER (WHERE before < {most}) END,
        '['::bytea || string_agg(state, ',') FILTER (WHERE before < {most}) || ']'
    FROM (
        SELECT notification_id, state,
            sum(octet_length(state)) OVER (ORDER BY notification_id ROWS UNBOUNDED PRECEDING) - octet_length(state)
                AS before
        FROM ledger.events
        WHERE notification_id > {after} AND notification_id <= {upto} AND topic = ANY({topics}::text[])
        ORDER BY notification_id
    ) AS page
"""
"""The same; to add up what there is takes a sixth of the time again."""

STATES = """
    SELECT notification_id, state FROM ledger.events
    WHERE notification_id > %s AND notification_id <= %s AND topic = ANY(%s::text[]) ORDER BY notification_id
"""

WITH_PSYCOPG = PAGE.format(after="%s", upto="%s", topics="%s").encode()
WITH_LIBPQ = PAGE.format(after="$1::bigint", upto="$2::bigint", topics="$3").encode()
MANY_WITH_LIBPQ = PAGE_OF_MANY.format(after="$1::bigint", upto="$2::bigint", topics="$3", most="$4::bigint").encode()


class PageMalformed(Exception):
    """A page is no JSON, since one of its facts is none."""


class Page(NamedTuple):
    """The facts of the positions up to `upto`, and how many bytes they were."""

    upto: int
    facts: Sequence[Fact]
    size: int


class _Tagged(msgspec.Struct):
    """As much of a fact as says which one it is."""

    type: str
    position: int = 0


class Pages:
    """Reads and decodes for one projection; facts of older shapes are brought up to date, though one by one."""

    def __init__(self, projection: Projection, mapper: FactMapper) -> None:
        self._mapper = mapper
        self._read_as = projection.read_as
        self._topics = array_literal(_with_older_shapes(projection.topics, mapper))
        facts: Any = Union[tuple(projection.read_as.values())]  # noqa: UP007 - of types that are known only now
        self._decode = msgspec.json.Decoder(list[facts]).decode

    def read(self, cursor: Cursor[Any], after: int, upto: int) -> Page:
        """The facts at the positions after the one, up to the other, at most PAGE_POSITIONS. Raises FactUnreadable."""
        found = cursor.execute(WITH_PSYCOPG, (after, upto, self._topics.decode()), prepare=True, binary=True).fetchone()
        assert found is not None, "an aggregate always gives one row"
        reached, page = found[0] or upto, found[1] or b""
        try:
            return Page(reached, self._decoded(page), len(page))
        except PageMalformed:
            raise self._first_malformed(cursor, after, reached) from None

    def follow(self, connection: Connection[Any], after: int, stop: int) -> Iterator[Page]:
        """Page after page; meanwhile the connection does nothing else.

        The server reads the next page while this one is decoded and folded (1.5 times as fast). Where few facts are
        wanted a page covers more positions. Raises FactUnreadable.
        """
        span, upto = PAGE_POSITIONS, after
        if after < stop:
            upto = self._ask(connection, after, min(after + span, stop))
        while after < stop:
            reached, page = _answer(connection)
            begin, after = after, reached or upto
            span = _next_span(span, len(page))
            if after < stop:
                upto = self._ask(connection, after, min(after + span, stop))
            try:
                facts = self._decoded(page)
            except PageMalformed:
                if after < stop:
                    _answer(connection)
                raise self._first_malformed(connection.cursor(), begin, after) from None
            yield Page(after, facts, len(page))

    def _ask(self, connection: Connection[Any], after: int, upto: int) -> int:
        values = [b"%d" % after, b"%d" % upto, self._topics]
        if upto - after <= PAGE_POSITIONS:
            connection.pgconn.send_query_params(WITH_LIBPQ, values, result_format=Format.BINARY)
        else:
            values.append(b"%d" % PAGE_BYTES_MAX)
            connection.pgconn.send_query_params(MANY_WITH_LIBPQ, values, result_format=Format.BINARY)
        return upto

    def _decoded(self, page: bytes) -> Sequence[Fact]:
        """Raises FactUnreadable, PageMalformed."""
        if not page:
            return []
        try:
            facts: Sequence[Fact] = self._decode(page)
        except UNDECODABLE:
            return self._one_by_one(page)
        return facts

    def _one_by_one(self, page: bytes) -> Sequence[Fact]:
        try:
            states = msgspec.json.decode(page, type=list[msgspec.Raw])
            tagged = [(msgspec.json.decode(state, type=_Tagged), bytes(state)) for state in states]
        except UNDECODABLE as trouble:
            raise PageMalformed from trouble
        return [self._up_to_date(each, state) for each, state in tagged]

    def _first_malformed(self, cursor: Cursor[Any], after: int, upto: int) -> FactUnreadable:
        """Which one it is that makes a page no JSON; only whoever asks for each by itself can tell."""
        cursor.execute(STATES, (after, upto, self._topics.decode()), binary=True)
        for position, state in cursor:
            try:
                msgspec.json.decode(state, type=_Tagged)
            except UNDECODABLE as trouble:
                return FactUnreadable(f"fact {position}: {trouble}")
        return FactUnreadable(f"one of the facts {after + 1} to {upto} cannot be read")

    def _up_to_date(self, tagged: _Tagged, state: bytes) -> Fact:
        try:
            fact = self._mapper.decode(tagged.type, state)
        except FactUnreadable as unreadable:
            raise FactUnreadable(f"fact {tagged.position}: {unreadable}") from unreadable
        if (read_as := self._read_as.get(fact.tag())) is None:
            raise FactUnreadable(f"fact {tagged.position}: it says that it is a {fact.tag()}, and is stored as another")
        if isinstance(fact, read_as):
            return fact
        plain: Any = msgspec.json.decode(msgspec.json.encode(fact), type=read_as)
        return cast("Fact", plain)


def _with_older_shapes(topics: Sequence[str], mapper: FactMapper) -> list[str]:
    """The tags, and those from which facts are brought up to them."""
    wanted = {SHAPE.sub("", topic) for topic in topics}
    return sorted({*topics, *(tag for tag in mapper.upcasts if SHAPE.sub("", tag) in wanted)})


def _next_span(span: int, size: int) -> int:
    if size < PAGE_BYTES // 2:
        return min(span * 2, PAGE_POSITIONS_MAX)
    return max(span // 2, PAGE_POSITIONS) if size > PAGE_BYTES * 2 else span


def _answer(connection: Connection[Any]) -> tuple[int | None, bytes]:
    """What was asked for; others may use the processor while it is awaited."""
    wire = connection.pgconn
    while wire.is_busy():
        ready, _, _ = select.select([wire.socket], [], [], ANSWER_SECONDS_MAX)
        if not ready:
            raise OperationalError("The database has not answered in time.")
        wire.consume_input()
    result = wire.get_result()
    while wire.get_result() is not None:
        pass
    if result is None:
        raise OperationalError("The database has not answered.")
    if result.status != ExecStatus.TUPLES_OK:
        raise error_from_result(result)
    reached = result.get_value(0, 0)
    return int.from_bytes(reached, "big") if reached else None, result.get_value(0, 1) or b""
