"""The ways along the ledger: for each filter the index that holds what is wanted in the order of the ledger."""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.sql import SQL, Composed, Identifier

from application.ports.ledger import Position

PAGE_SIZE_MAX = 5_000

COLUMNS: LiteralString = "originator_id, originator_version, topic, state, notification_id"
VERSION, POSITION = 1, 4

HEAD = SQL("SELECT coalesce(max(notification_id), 0) FROM ledger.events")

# Along `rank` something comes true never to be false again: the last rank before that, by about 24 look-ups at
# ten million facts. No index on times could do it: in the order of positions the planner would walk millions of
# facts to the first one of a day.
LAST_BEFORE: LiteralString = """
    WITH RECURSIVE search (low, high) AS (
        SELECT 0::bigint, coalesce(max({rank}), 0) + 1 FROM ledger.events WHERE {among}
        UNION ALL
        SELECT CASE WHEN before THEN middle ELSE low END, CASE WHEN before THEN high ELSE middle END
        FROM search
        CROSS JOIN LATERAL (SELECT (low + high) / 2 AS middle) AS halved
        CROSS JOIN LATERAL (
            SELECT {before} AS before FROM ledger.events WHERE {among} AND {rank} >= middle ORDER BY {rank} LIMIT 1
        ) AS probed
        WHERE high - low > 1
    )
    SELECT max(low) FROM search
"""

RECORDED_BEFORE = SQL(LAST_BEFORE).format(
    rank=SQL("notification_id"), among=SQL("true"), before=SQL("recorded_at < %(moment)s")
)

OF_STREAM_UP_TO = SQL(LAST_BEFORE).format(
    rank=SQL("originator_version"),
    among=SQL("originator_id = %(stream)s"),
    before=SQL("notification_id <= %(position)s"),
)

# Whole rows are compared and ordered by, so that no other index can serve. With `topic = ...` the planner may well
# walk along the positions, and through millions of facts of other types. `>=` on both sides keeps its estimate of
# the rows from being too low, so that it takes them from the index as they come, and sorts nothing.
ALONG: LiteralString = """
    SELECT {columns} FROM ledger.events WHERE {among} ({order}) >= ({place}) AND ({order}) <= ({place})
    ORDER BY {order} LIMIT %s
"""

# What else is asked is looked for among the next few thousand, so that no statement is long, however rare it is.
SIFTED: LiteralString = """
    WITH walked AS ({walked}),
    found AS (SELECT {columns} FROM walked WHERE {rest} ORDER BY notification_id LIMIT %s)
    SELECT found.*, ends.* FROM (SELECT max({rank}), count(*) FROM walked) AS ends LEFT JOIN found ON true
    ORDER BY notification_id
"""


class Way(NamedTuple):
    """What lies on an index between two ranks, the first excluded."""

    owner: str | None
    """The column before the rank, if there is one, and whose facts are wanted."""
    value: UUID | str | None
    rank: str
    """The position, or within a stream the version."""
    beyond: int
    last: int
    rest: tuple[tuple[str, UUID | str], ...] = ()
    """What else is asked of each fact on the way: columns and their values."""

    @property
    def is_over(self) -> bool:
        return self.beyond >= self.last

    def page(self, limit: int) -> tuple[Composed, Sequence[Any]]:
        """The statement for the next facts, with its values."""
        if not self.rest:
            return self._along(COLUMNS, limit)
        walked, values = self._along(COLUMNS + ", account_id", PAGE_SIZE_MAX)
        statement = SQL(SIFTED).format(
            walked=walked,
            columns=SQL(COLUMNS),
            rank=Identifier(self.rank),
            rest=SQL(" AND ").join(SQL("{} = %s").format(Identifier(column)) for column, _ in self.rest),
        )
        return statement, [*values, *(value for _, value in self.rest), limit]

    def _along(self, columns: LiteralString, limit: int) -> tuple[Composed, Sequence[Any]]:
        owners = [] if self.value is None else [self.value]
        statement = SQL(ALONG).format(
            columns=SQL(columns),
            # As the index says it; the planner does not conclude it.
            among=SQL("account_id IS NOT NULL AND" if self.owner == "account_id" else ""),
            order=SQL(", ").join(Identifier(column) for column in (self.owner, self.rank) if column),
            place=SQL("%s, %s::bigint" if self.owner else "%s::bigint"),
        )
        return statement, [*owners, self.beyond + 1, *owners, self.last, limit]

    def walked(self, rows: Sequence[Sequence[Any]], limit: int) -> tuple[list[Sequence[Any]], "Way"]:
        """The facts among the rows of a page, and what is left of the way."""
        found = [row for row in rows if row[0] is not None]
        if len(found) == limit:
            return found, self._replace(beyond=found[-1][VERSION if self.rank == "originator_version" else POSITION])
        if self.rest and rows[0][-1] == PAGE_SIZE_MAX:
            return found, self._replace(beyond=rows[0][-2])
        return found, self._replace(beyond=self.last)


def way_of(*, stream: UUID | None, account: UUID | None, type: str | None, beyond: Position, last: Position) -> Way:
    """Along the narrowest index: a stream's, else an account's, else a type's, else the whole ledger's.

    With a stream `beyond` and `last` are versions.
    """
    asked = (("originator_id", stream), ("account_id", account), ("topic", type))
    wanted = [(column, value) for column, value in asked if value is not None]
    if not wanted:
        return Way(None, None, "notification_id", beyond, last)
    (owner, value), *rest = wanted
    rank = "originator_version" if stream is not None else "notification_id"
    return Way(owner, value, rank, beyond, last, tuple(rest))
