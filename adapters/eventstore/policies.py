"""Runs the policies: each follows the ledger with a position of its own, one holder over all processes."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from adapters.eventstore.following import TROUBLE_MAX
from adapters.eventstore.mapper import FactMapper, FactUnreadable
from adapters.postgres.pool import CONNECTION_ARGUMENTS
from application.policies.policy import Policy

log = logging.getLogger(__name__)

PAGE_SIZE = 100
POLL_SECONDS = 1.0
RECONNECT_SECONDS = 0.5


class PolicyRunner:
    """Acts on each fact at least once, in order; the position is kept after the act.

    One that cannot be read will not be the next time either: it is passed over, and is the policy's trouble. Of several
    the first is told. An act that fails may succeed the next time: it is tried again, and nothing is passed over.
    """

    def __init__(self, dsn: str, policies: Sequence[Policy], mapper: FactMapper) -> None:
        self._dsn = dsn
        self._policies = policies
        self._mapper = mapper

    async def run(self) -> None:
        """Until cancelled; a lost connection is had again, an act that fails is tried again at the next turn."""
        arguments: dict[str, Any] = dict(CONNECTION_ARGUMENTS)
        while True:
            try:
                async with await AsyncConnection.connect(self._dsn, **arguments) as connection:
                    await self._follow(connection)
            except psycopg.Error as lost:
                log.warning("the policies' connection was lost", extra={"error": str(lost)})
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self, connection: AsyncConnection[TupleRow]) -> None:
        await connection.execute("LISTEN events")
        held: set[str] = set()
        while True:
            for policy in self._policies:
                if policy.name in held or await self._hold(connection, policy, held):
                    await self._catch_up(connection, policy)
            async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass

    async def _hold(self, connection: AsyncConnection[TupleRow], policy: Policy, held: set[str]) -> bool:
        cursor = await connection.execute(
            "SELECT pg_try_advisory_lock(hashtext('policy'), hashtext(%s))", (policy.name,)
        )
        row = await cursor.fetchone()
        if row and row[0]:
            held.add(policy.name)
        return policy.name in held

    async def _catch_up(self, connection: AsyncConnection[TupleRow], policy: Policy) -> None:
        try:
            while await self._act_on_page(connection, policy) == PAGE_SIZE:
                pass
        except psycopg.OperationalError:
            raise
        except Exception:
            log.exception("a policy could not act; it is tried again", extra={"policy": policy.name})

    async def _act_on_page(self, connection: AsyncConnection[TupleRow], policy: Policy) -> int:
        cursor = await connection.execute(
            "SELECT e.notification_id, e.topic, e.state FROM ledger.events e WHERE e.topic = ANY(%s) AND"
            " e.notification_id > coalesce((SELECT p.position FROM ledger.policies p WHERE p.name = %s), 0)"
            " ORDER BY e.notification_id LIMIT %s",
            (policy.topics, policy.name, PAGE_SIZE),
        )
        rows = await cursor.fetchall()
        for position, topic, state in rows:
            trouble = await self._act(policy, position, topic, bytes(state))
            await connection.execute(
                "INSERT INTO ledger.policies AS known (name, position, trouble) VALUES (%s, %s, %s)"
                " ON CONFLICT (name) DO UPDATE"
                " SET position = excluded.position, trouble = coalesce(known.trouble, excluded.trouble)",
                (policy.name, position, trouble),
            )
            if trouble:
                log.error("a policy has passed over a fact", extra={"policy": policy.name, "error": trouble})
        return len(rows)

    async def _act(self, policy: Policy, position: int, topic: str, state: bytes) -> str | None:
        """What is wrong with a fact that cannot be read; None: it was acted on. Raises what the act raises."""
        try:
            fact = self._mapper.decode(topic, state)
        except FactUnreadable as unreadable:
            return f"fact {position}: {unreadable!r}"[:TROUBLE_MAX]
        await policy.act(fact)
        return None
