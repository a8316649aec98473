"""Credentials, sessions and refresh tokens in Postgres; a session's role is that of the ledger at this moment."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.live_generations import LiveGenerations, Query
from adapters.postgres.pool import Pool
from application.ports.sign_in import Credential, RefreshReused, Session
from application.projections.access import access

CREDENTIAL = """
    SELECT account_id, password_hash FROM ops.claims
    JOIN ops.credentials ON account_id = owner
    WHERE kind = 'email' AND blind_index = %s
"""

OPEN = """
    WITH opened AS (
        INSERT INTO ops.sessions (session_id, account_id, started_at, expires_at)
        VALUES (%(session_id)s, %(account_id)s, %(now)s, %(expires_at)s)
        RETURNING session_id, started_at, expires_at
    )
    INSERT INTO ops.refresh_tokens (digest, session_id, issued_at, expires_at)
    SELECT %(digest)s, session_id, started_at, expires_at FROM opened
"""

# One statement, so one transaction: of two that present the same token the second waits for its row, finds it spent
# and changes nothing.
ROTATE = Query(
    access,
    """
    WITH live AS (
        SELECT digest, session_id FROM ops.refresh_tokens JOIN ops.sessions USING (session_id)
        WHERE digest = %(spent)s AND spent_at IS NULL AND refresh_tokens.expires_at > %(now)s
            AND ended_at IS NULL AND sessions.expires_at > %(now)s AND {still_live}
        FOR UPDATE
    ), spent AS (
        UPDATE ops.refresh_tokens SET spent_at = %(now)s FROM live WHERE refresh_tokens.digest = live.digest
    ), prolonged AS (
        UPDATE ops.sessions SET expires_at = %(expires_at)s FROM live WHERE sessions.session_id = live.session_id
        RETURNING sessions.session_id, account_id
    ), issued AS (
        INSERT INTO ops.refresh_tokens (digest, session_id, issued_at, expires_at)
        SELECT %(new)s, session_id, %(now)s, %(expires_at)s FROM live
    )
    SELECT session_id, account_id, standing->>'role', standing->>'disabled' IS NOT NULL
    FROM prolonged LEFT JOIN {standings} USING (account_id)
    """,
)

END_WHERE_SPENT = """
    WITH reused AS (
        SELECT session_id FROM ops.refresh_tokens WHERE digest = %(spent)s AND spent_at IS NOT NULL
    ), ended AS (
        UPDATE ops.sessions SET ended_at = %(now)s FROM reused
        WHERE sessions.session_id = reused.session_id AND ended_at IS NULL
    )
    SELECT 1 FROM reused
"""

END = """
    UPDATE ops.sessions SET ended_at = %s FROM ops.refresh_tokens
    WHERE digest = %s AND sessions.session_id = refresh_tokens.session_id AND ended_at IS NULL
"""

SESSIONS = Query(
    access,
    """
    SELECT session_id, account_id, standing->>'role', standing->>'disabled' IS NOT NULL, expires_at
    FROM ops.sessions LEFT JOIN {standings} USING (account_id)
    WHERE session_id = ANY(%b) AND ended_at IS NULL AND {still_live}
    """,
)


class PostgresSignIns:
    """Every request that bears a token asks for its session, so those of one moment are read by one query."""

    def __init__(self, pool: Pool, live: LiveGenerations) -> None:
        self._pool = pool
        self._live = live
        self._sessions = Gathering(self._read_sessions, rounds=2)

    async def credential(self, email_index: bytes) -> Credential | None:
        row = await self._first(CREDENTIAL, (email_index,))
        return Credential(*row) if row else None

    async def open_session(
        self, *, session_id: UUID, account_id: UUID, refresh_digest: bytes, now: datetime, expires_at: datetime
    ) -> None:
        values = {"session_id": session_id, "account_id": account_id, "digest": refresh_digest}
        async with connected(self._pool) as connection:
            await connection.execute(OPEN, {**values, "now": now, "expires_at": expires_at})

    async def rotate(self, *, spent: bytes, new: bytes, now: datetime, expires_at: datetime) -> Session | None:
        """Raises RefreshReused, with the session ended and committed."""
        values = {"spent": spent, "new": new, "now": now, "expires_at": expires_at}
        row = await self._live.read(ROTATE, lambda statement: self._first(statement, values))
        if row is not None:
            return _session(row)
        if await self._first(END_WHERE_SPENT, {"spent": spent, "now": now}):
            raise RefreshReused
        return None

    async def end_session(self, refresh_digest: bytes, *, now: datetime) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(END, (now, refresh_digest))

    async def session(self, session_id: UUID, *, now: datetime) -> Session | None:
        row = await self._sessions.ask(session_id)
        return _session(row) if row is not None and row[-1] > now else None

    async def _read_sessions(self, session_ids: Sequence[UUID]) -> list[tuple[Any, ...] | None]:
        async def found(statement: bytes) -> dict[UUID, tuple[Any, ...]]:
            async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
                await cursor.execute(statement, (list(session_ids),), prepare=True)
                return {row[0]: row for row in await cursor.fetchall()}

        by_id = await self._live.read(SESSIONS, found)
        return [by_id.get(session_id) for session_id in session_ids]

    async def _first(self, query: LiteralString | bytes, values: Any) -> tuple[Any, ...] | None:
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchone()


def _session(row: tuple[Any, ...]) -> Session:
    """Whom the read model does not know can do nothing."""
    session_id, account_id, role, disabled, *_ = row
    return Session(
        session_id=session_id, account_id=account_id, role=role or "viewer", disabled=disabled or role is None
    )
