"""What the read models answer, asked of the live generation's own tables; rows come as JSON text."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres.arrays import uuids
from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.live_generations import LiveGenerations, Query
from adapters.postgres.pool import Pool
from application.ports.reads import Scene
from application.ports.sign_in import Session
from application.projections.access import Title, access
from application.projections.catalogue import Listed, catalogue
from application.projections.graces import Grace, graces
from application.projections.payments import Billed, payments
from application.projections.plans import Offer, plans
from application.projections.projection import Row
from domain.access.standing import Standing

R = TypeVar("R", bound=Row)

TITLE_DECODER = msgspec.json.Decoder(Title)
STANDING_DECODER = msgspec.json.Decoder(Standing)


def json_of(row: type[Row]) -> Composed:
    """The columns of a row in the order of its fields, as the struct is decoded from."""
    columns = SQL(", ").join(map(Identifier, row.__struct_fields__))
    return SQL("json_build_array({})::text").format(columns)


STANDING = Query(access, "SELECT standing::text FROM {standings} WHERE account_id = %s AND {still_live}")

# One statement is one snapshot: the standing, the title, the head and the sign-in are those of the same moment.
SCENES = Query(
    access,
    "SELECT standing::text, CASE WHEN titles.video_id IS NOT NULL THEN {title} END,"
    " (SELECT coalesce(max(notification_id), 0) FROM ledger.events),"
    " session_id, signed_in.account_id, epoch, started_at, expires_at"
    " FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[]) WITH ORDINALITY"
    " AS asked (account_id, video_id, sign_in_id, place)"
    " LEFT JOIN {standings} USING (account_id) LEFT JOIN {titles} AS titles USING (video_id)"
    " LEFT JOIN ops.sessions AS signed_in ON session_id = sign_in_id"
    " AND signed_in.account_id = asked.account_id AND ended_at IS NULL"
    " WHERE {still_live} ORDER BY place",
    title=json_of(Title),
)

PUBLISHED = Query(
    catalogue,
    "SELECT {row} FROM {videos} WHERE published_position < coalesce(%(before)s::bigint, 9223372036854775807)"
    " AND (%(category)s::text IS NULL OR category = %(category)s)"
    " AND (%(access)s::text IS NULL OR access = %(access)s)"
    " AND (%(pattern)s::text IS NULL OR title ILIKE %(pattern)s OR description ILIKE %(pattern)s)"
    " ORDER BY published_position DESC LIMIT %(limit)s",
    row=json_of(Listed),
)

UNFINISHED = Query(
    catalogue,
    "SELECT {row} FROM {videos} WHERE platform = ANY(%(platforms)s)"
    " AND (status = 'processing' OR (status = 'waiting' AND upload_until > %(waited_since)s))"
    " ORDER BY created_position DESC LIMIT %(limit)s",
    row=json_of(Listed),
)

VIDEO = Query(catalogue, "SELECT {row} FROM {videos} WHERE video_id = %s", row=json_of(Listed))

GRACES_DUE = Query(
    graces,
    "SELECT {row} FROM {graces} WHERE due_at <= %(until)s ORDER BY due_at LIMIT %(limit)s",
    row=json_of(Grace),
)

PAYMENTS = Query(
    payments,
    "SELECT {row} FROM {payments} WHERE first_position < coalesce(%(before)s::bigint, 9223372036854775807)"
    " ORDER BY first_position DESC LIMIT %(limit)s",
    row=json_of(Billed),
)

PAYMENTS_OF = Query(
    payments,
    "SELECT {row} FROM {payments} WHERE account_id = %(account)s"
    " AND first_position < coalesce(%(before)s::bigint, 9223372036854775807)"
    " ORDER BY first_position DESC LIMIT %(limit)s",
    row=json_of(Billed),
)

ON_OFFER = Query(
    plans,
    "SELECT {row} FROM {offers} WHERE active"
    " AND created_position < coalesce(%(before)s::bigint, 9223372036854775807)"
    " ORDER BY created_position DESC LIMIT %(limit)s",
    row=json_of(Offer),
)

PLAN = Query(plans, "SELECT {row} FROM {offers} WHERE plan_id = %s", row=json_of(Offer))


class Asked(NamedTuple):
    """Who wants to play what, and the sign-in to be looked at; a stranger has no account."""

    account_id: UUID | None
    video_id: UUID
    sign_in_id: UUID | None


class PostgresAccessReads:
    """Read from the primary; the scenes that are asked for at one moment by one query."""

    def __init__(self, pool: Pool, live: LiveGenerations) -> None:
        self._pool = pool
        self._live = live
        self._scenes = Gathering(self._read_scenes, rounds=2)

    async def standing(self, account_id: UUID) -> Standing | None:
        found = await _column(self._pool, self._live, STANDING, (account_id,))
        return STANDING_DECODER.decode(found[0]) if found else None

    async def scene(self, account_id: UUID | None, video_id: UUID, *, sign_in_id: UUID | None = None) -> Scene:
        return await self._scenes.ask(Asked(account_id, video_id, sign_in_id))

    async def _read_scenes(self, asked: Sequence[Asked]) -> list[Scene]:
        columns = [uuids(column) for column in zip(*asked, strict=True)]

        async def found(statement: bytes) -> list[Scene]:
            async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
                await cursor.execute(statement, columns, prepare=True)
                return [_scene(*row) for row in await cursor.fetchall()]

        return await self._live.read(SCENES, found)


class PostgresCatalogueReads:
    """The catalogue; it may be some facts behind."""

    def __init__(self, pool: Pool, live: LiveGenerations) -> None:
        self._pool = pool
        self._live = live

    async def page(
        self, *, query: str | None, category: str | None, access: str | None, before: int | None, limit: int
    ) -> Sequence[Listed]:
        """As the port says; `query` is looked for in titles and descriptions, in capitals or not, as it stands."""
        values = {
            "pattern": _containing(query) if query else None,
            "category": category,
            "access": access,
            "before": before,
            "limit": limit,
        }
        return _decoded(await _column(self._pool, self._live, PUBLISHED, values), Listed)

    async def video(self, video_id: UUID) -> Listed | None:
        return next(iter(_decoded(await _column(self._pool, self._live, VIDEO, (video_id,)), Listed)), None)

    async def unfinished(self, platforms: Sequence[str], *, waited_since: datetime, limit: int) -> Sequence[Listed]:
        values = {"platforms": list(platforms), "waited_since": waited_since, "limit": limit}
        return _decoded(await _column(self._pool, self._live, UNFINISHED, values), Listed)


class PostgresGraceReads:
    """The graces that are running; they may be some facts behind."""

    def __init__(self, pool: Pool, live: LiveGenerations) -> None:
        self._pool = pool
        self._live = live

    async def due(self, until: datetime, *, limit: int) -> Sequence[Grace]:
        return _decoded(await _column(self._pool, self._live, GRACES_DUE, {"until": until, "limit": limit}), Grace)


class PostgresPaymentReads:
    """The payments; they may be some facts behind."""

    def __init__(self, pool: Pool, live: LiveGenerations) -> None:
        self._pool = pool
        self._live = live

    async def page(self, *, before: int | None, limit: int) -> Sequence[Billed]:
        return _decoded(await _column(self._pool, self._live, PAYMENTS, {"before": before, "limit": limit}), Billed)

    async def of_account(self, account_id: UUID, *, before: int | None, limit: int) -> Sequence[Billed]:
        values = {"account": account_id, "before": before, "limit": limit}
        return _decoded(await _column(self._pool, self._live, PAYMENTS_OF, values), Billed)


class PostgresPlanReads:
    """The plans; they may be some facts behind."""

    def __init__(self, pool: Pool, live: LiveGenerations) -> None:
        self._pool = pool
        self._live = live

    async def page(self, *, before: int | None, limit: int) -> Sequence[Offer]:
        return _decoded(await _column(self._pool, self._live, ON_OFFER, {"before": before, "limit": limit}), Offer)

    async def plan(self, plan_id: UUID) -> Offer | None:
        return next(iter(_decoded(await _column(self._pool, self._live, PLAN, (plan_id,)), Offer)), None)


async def _column(pool: Pool, live: LiveGenerations, query: Query, values: Any) -> list[str]:
    """The one column of a query."""

    async def found(statement: bytes) -> list[str]:
        async with connected(pool) as connection:
            cursor = await connection.execute(statement, values, prepare=True)
            return [row[0] for row in await cursor.fetchall()]

    return await live.read(query, found)


def _scene(text: str | None, title: str | None, position: int, *signed_in: Any) -> Scene:
    standing = STANDING_DECODER.decode(text) if text is not None else None
    return Scene(
        standing=standing,
        title=TITLE_DECODER.decode(title) if title is not None else None,
        position=position,
        sign_in=_session(standing, *signed_in),
    )


def _session(
    standing: Standing | None,
    session_id: UUID | None,
    account_id: UUID,
    epoch: int,
    started_at: datetime,
    expires_at: datetime,
) -> Session | None:
    """One that was opened in an earlier epoch has ended; whom the read model does not know can do nothing."""
    if session_id is None or epoch != (standing.sign_in_epoch if standing else 0):
        return None
    return Session(
        session_id=session_id,
        account_id=account_id,
        role=standing.role if standing else "viewer",
        disabled=standing is None or standing.disabled is not None,
        started_at=started_at,
        expires_at=expires_at,
    )


def _decoded(rows: Sequence[str], kind: type[R]) -> list[R]:
    return [msgspec.json.decode(row, type=kind) for row in rows]


def _containing(text: str) -> str:
    """A pattern for LIKE that holds the text anywhere, with nothing in it standing for anything else."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
