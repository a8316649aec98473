"""Credentials, sessions and refresh tokens in Postgres; a session's role is that of the ledger at this moment."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL

from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.live_generations import LiveGenerations, Query
from adapters.postgres.pool import Pool
from application.ports.ledger import GuardedRow, UpdateIf
from application.ports.sign_in import Credential, Holder, RefreshReused, Session, SignedInPlace
from application.projections.access import access

EPOCH = SQL("coalesce((standing->>'sign_in_epoch')::integer, 0)")
"""Of the account, by the ledger as it is now; a session opened at another one is over."""

# The password and its epoch are of one moment: a session that is opened with it is over once there is a new password.
CREDENTIAL = Query(
    access,
    """
    SELECT account_id, password_hash, {epoch} FROM ops.claims
    JOIN ops.credentials ON account_id = owner LEFT JOIN {standings} USING (account_id)
    WHERE kind = 'email' AND blind_index = %s AND {still_live}
    """,
    epoch=EPOCH,
)

CREDENTIAL_OF = Query(
    access,
    """
    SELECT account_id, password_hash, {epoch} FROM ops.credentials LEFT JOIN {standings} USING (account_id)
    WHERE account_id = %s AND {still_live}
    """,
    epoch=EPOCH,
)

OWNER = "SELECT owner FROM ops.claims WHERE kind = %s AND blind_index = %s"

HOLDER = Query(
    access,
    """
    SELECT owner, {epoch}, standing->>'disabled' IS NOT NULL FROM ops.claims LEFT JOIN {standings} ON account_id = owner
    WHERE kind = %s AND blind_index = %s AND {still_live}
    """,
    epoch=EPOCH,
)

# An erasure removes the claims before the sessions: it waits for who holds one, and who comes later finds none.
OPEN = Query(
    access,
    """
    WITH whose AS (
        SELECT account_id, standing FROM {standings}
        WHERE account_id = %(account_id)s AND {epoch} = %(epoch)s AND {still_live}
    ), held AS (
        SELECT FROM ops.claims WHERE owner = %(account_id)s AND kind IN ('email', 'phone')
            FOR KEY SHARE SKIP LOCKED
    ), opened AS (
        INSERT INTO ops.sessions (session_id, account_id, epoch, started_at, expires_at)
        SELECT %(session_id)s, account_id, %(epoch)s, %(now)s, %(expires_at)s FROM whose
        WHERE standing->>'disabled' IS NULL AND EXISTS (SELECT FROM held)
        RETURNING session_id, started_at, expires_at
    ), issued AS (
        INSERT INTO ops.refresh_tokens (digest, session_id, issued_at, expires_at)
        SELECT %(digest)s, session_id, started_at, expires_at FROM opened
    )
    SELECT %(session_id)s::uuid, account_id, standing->>'role', standing->>'disabled' IS NOT NULL,
        %(now)s::timestamptz, %(expires_at)s::timestamptz
    FROM whose WHERE standing->>'disabled' IS NOT NULL OR EXISTS (SELECT FROM opened)
    """,
    epoch=EPOCH,
)

# One statement, so one transaction: of two that present the same token the second waits for its row, finds it spent
# and changes nothing.
ROTATE = Query(
    access,
    """
    WITH live AS (
        SELECT digest, session_id FROM ops.refresh_tokens JOIN ops.sessions USING (session_id)
        LEFT JOIN {standings} USING (account_id)
        WHERE digest = %(spent)s AND spent_at IS NULL AND refresh_tokens.expires_at > %(now)s
            AND ended_at IS NULL AND sessions.expires_at > %(now)s AND epoch = {epoch} AND {still_live}
        FOR UPDATE OF refresh_tokens, sessions
    ), spent AS (
        UPDATE ops.refresh_tokens SET spent_at = %(now)s FROM live WHERE refresh_tokens.digest = live.digest
    ), prolonged AS (
        UPDATE ops.sessions SET refreshed_at = %(now)s,
            expires_at = least(%(expires_at)s, started_at + %(longest)s)
        FROM live WHERE sessions.session_id = live.session_id
        RETURNING sessions.session_id, account_id, started_at, expires_at
    ), issued AS (
        INSERT INTO ops.refresh_tokens (digest, session_id, issued_at, expires_at)
        SELECT %(new)s, session_id, %(now)s, expires_at FROM prolonged
    )
    SELECT session_id, account_id, standing->>'role', standing->>'disabled' IS NOT NULL, started_at, expires_at
    FROM prolonged LEFT JOIN {standings} USING (account_id)
    """,
    epoch=EPOCH,
)

END_WHERE_SPENT = """
    WITH reused AS (
        SELECT session_id, account_id, reuse_recorded FROM ops.refresh_tokens JOIN ops.sessions USING (session_id)
        WHERE digest = %(spent)s AND spent_at IS NOT NULL
    ), ended AS (
        UPDATE ops.sessions SET ended_at = %(now)s FROM reused
        WHERE sessions.session_id = reused.session_id AND ended_at IS NULL
    )
    SELECT session_id, account_id, reuse_recorded FROM reused
"""

END = """
    UPDATE ops.sessions SET ended_at = %s FROM ops.refresh_tokens
    WHERE digest = %s AND sessions.session_id = refresh_tokens.session_id AND ended_at IS NULL
"""

END_PLACE = Query(
    access,
    """
    UPDATE ops.sessions SET ended_at = %(now)s FROM {standings}
    WHERE session_id = %(session_id)s AND sessions.account_id = %(account_id)s
        AND standings.account_id = sessions.account_id AND epoch = {epoch}
        AND ended_at IS NULL AND expires_at > %(now)s AND {still_live}
    RETURNING session_id
    """,
    epoch=EPOCH,
)

SESSIONS = Query(
    access,
    """
    SELECT session_id, account_id, standing->>'role', standing->>'disabled' IS NOT NULL, started_at, expires_at
    FROM ops.sessions LEFT JOIN {standings} USING (account_id)
    WHERE session_id = ANY(%b) AND ended_at IS NULL AND epoch = {epoch} AND {still_live}
    """,
    epoch=EPOCH,
)

PLACES = Query(
    access,
    """
    SELECT session_id, number, started_at, refreshed_at, expires_at
    FROM ops.sessions LEFT JOIN {standings} USING (account_id)
    WHERE account_id = %(account_id)s AND ended_at IS NULL AND expires_at > %(now)s AND epoch = {epoch}
        AND number < coalesce(%(before)s::bigint, number + 1) AND {still_live}
    ORDER BY number DESC LIMIT %(limit)s
    """,
    epoch=EPOCH,
)


class PostgresSignIns:
    """Every request that bears a token asks for its session, so those of one moment are read by one query."""

    def __init__(self, pool: Pool, live: LiveGenerations) -> None:
        self._pool = pool
        self._live = live
        self._sessions = Gathering(self._read_sessions, rounds=2)

    async def credential(self, email_index: bytes) -> Credential | None:
        row = await self._live.read(CREDENTIAL, lambda statement: self._first(statement, (email_index,)))
        return Credential(*row) if row else None

    async def credential_of(self, account_id: UUID) -> Credential | None:
        row = await self._live.read(CREDENTIAL_OF, lambda statement: self._first(statement, (account_id,)))
        return Credential(*row) if row else None

    async def account_at(self, kind: str, index: bytes) -> UUID | None:
        row = await self._first(OWNER, (kind, index))
        return row[0] if row else None

    async def holder(self, kind: str, index: bytes) -> Holder | None:
        row = await self._live.read(HOLDER, lambda statement: self._first(statement, (kind, index)))
        return Holder(*row) if row else None

    async def open_session(
        self,
        *,
        session_id: UUID,
        account_id: UUID,
        epoch: int,
        refresh_digest: bytes,
        now: datetime,
        expires_at: datetime,
    ) -> Session | None:
        values = {
            "session_id": session_id,
            "account_id": account_id,
            "epoch": epoch,
            "digest": refresh_digest,
            "now": now,
            "expires_at": expires_at,
        }
        row = await self._live.read(OPEN, lambda statement: self._first(statement, values))
        return _session(row) if row else None

    async def rotate(
        self, *, spent: bytes, new: bytes, now: datetime, expires_at: datetime, longest: timedelta
    ) -> Session | None:
        """Raises RefreshReused, with the session ended and committed."""
        values = {"spent": spent, "new": new, "now": now, "expires_at": expires_at, "longest": longest}
        row = await self._live.read(ROTATE, lambda statement: self._first(statement, values))
        if row is not None:
            return _session(row)
        if reused := await self._first(END_WHERE_SPENT, {"spent": spent, "now": now}):
            session_id, account_id, recorded = reused
            raise RefreshReused(session_id, account_id, recorded=recorded)
        return None

    def reuse_recorded(self, session_id: UUID) -> GuardedRow:
        return UpdateIf("sessions", {"session_id": session_id, "reuse_recorded": False}, {"reuse_recorded": True})

    def kept(self, session_id: UUID, account_id: UUID, *, epoch: int) -> GuardedRow:
        where = {"session_id": session_id, "account_id": account_id, "epoch": epoch - 1}
        return UpdateIf("sessions", where, {"epoch": epoch}, required=False)

    async def end_session(self, refresh_digest: bytes, *, now: datetime) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(END, (now, refresh_digest))

    async def end_place(self, session_id: UUID, account_id: UUID, *, now: datetime) -> bool:
        values = {"session_id": session_id, "account_id": account_id, "now": now}
        return await self._live.read(END_PLACE, lambda statement: self._first(statement, values)) is not None

    async def session(self, session_id: UUID, *, now: datetime) -> Session | None:
        row = await self._sessions.ask(session_id)
        session = _session(row) if row is not None else None
        return session if session is not None and session.expires_at > now else None

    async def places(
        self, account_id: UUID, *, before: int | None, limit: int, now: datetime
    ) -> Sequence[SignedInPlace]:
        values = {"account_id": account_id, "before": before, "limit": limit, "now": now}

        async def found(statement: bytes) -> list[SignedInPlace]:
            async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
                await cursor.execute(statement, values)
                return [_place(row) for row in await cursor.fetchall()]

        return await self._live.read(PLACES, found)

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
    session_id, account_id, role, disabled, started_at, expires_at = row
    return Session(
        session_id=session_id,
        account_id=account_id,
        role=role or "viewer",
        disabled=disabled or role is None,
        started_at=started_at,
        expires_at=expires_at,
    )


def _place(row: tuple[Any, ...]) -> SignedInPlace:
    session_id, number, started_at, refreshed_at, expires_at = row
    return SignedInPlace(
        session_id=session_id,
        number=number,
        started_at=started_at,
        refreshed_at=refreshed_at,
        expires_at=expires_at,
    )
