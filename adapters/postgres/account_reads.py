"""The list of accounts, and whose an address is, in Postgres."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from adapters.postgres.errors import connected
from adapters.postgres.live_generations import LiveGenerations, Query
from adapters.postgres.pool import Pool
from adapters.postgres.reads import json_of
from application.ports.ledger import Insert, UpdateIf
from application.ports.secrets import BlindIndex
from application.projections.accounts import Member, accounts

PAGE = Query(
    accounts,
    "SELECT {row} FROM {members} WHERE registered_position < coalesce(%(before)s::bigint, 9223372036854775807)"
    " ORDER BY registered_position DESC LIMIT %(limit)s",
    row=json_of(Member),
)

IN_ROLE = Query(
    accounts,
    "SELECT {row} FROM {members} WHERE role = %(role)s AND NOT disabled ORDER BY registered_position LIMIT %(limit)s",
    row=json_of(Member),
)

HOLDER = "SELECT owner FROM ops.claims WHERE kind = %s AND blind_index = %s"

TURN = "admins"


class PostgresAccountReads:
    """The list may be some facts behind; claims and the turn never are."""

    def __init__(self, pool: Pool, live: LiveGenerations, blind_index: BlindIndex) -> None:
        self._pool = pool
        self._live = live
        self._admins = blind_index.of(TURN, TURN)

    async def page(self, *, before: int | None, limit: int) -> Sequence[Member]:
        return await self._members(PAGE, {"before": before, "limit": limit})

    async def in_role(self, role: str, *, limit: int) -> Sequence[Member]:
        return await self._members(IN_ROLE, {"role": role, "limit": limit})

    async def _members(self, query: Query, values: dict[str, Any]) -> Sequence[Member]:
        async def found(statement: bytes) -> list[Member]:
            async with connected(self._pool) as connection:
                rows = await (await connection.execute(statement, values)).fetchall()
            return [msgspec.json.decode(row[0], type=Member) for row in rows]

        return await self._live.read(query, found)

    async def holder(self, kind: str, index: bytes) -> UUID | None:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(HOLDER, (kind, index))).fetchone()
        return row[0] if row else None

    async def admins_turn(self) -> UUID | None:
        return await self.holder(TURN, self._admins)

    def take_admins_turn(self, mine: UUID, *, after: UUID | None) -> Insert | UpdateIf:
        where = {"kind": TURN, "blind_index": self._admins}
        if after is None:
            return Insert("claims", {**where, "owner": mine})
        return UpdateIf("claims", where={**where, "owner": after}, values={"owner": mine})
