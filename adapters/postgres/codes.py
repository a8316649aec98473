"""One-time codes in Postgres: written together with their letter, and each try counted as it is compared."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from adapters.postgres.errors import connected
from adapters.postgres.letters import INSERT as INSERT_LETTER
from adapters.postgres.pool import Pool
from application.ports.codes import LIMITS, RULES, TRIES_MAX, CodeKind, NewCode, Proof, TooManyCodes
from application.ports.ledger import GuardedRow, Insert, UpdateIf
from application.ports.letters import Channel
from application.sealed_letters import SealedLetters, seconds_until_another

MADE_MAX = max(most for most, _ in LIMITS)
LOOKED_BACK = max(period for _, period in LIMITS)

# Until the end of the transaction, in one order everywhere.
LOCK = "SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key"

MADE = """
    (SELECT id, made_at FROM ops.codes WHERE kind = %(kind)s AND subject = %(subject)s
        AND is_familiar = %(is_familiar)s AND made_at > %(since)s
        ORDER BY made_at DESC LIMIT %(most)s)
    UNION
    (SELECT id, made_at FROM ops.codes WHERE kind = %(kind)s AND recipient = %(recipient)s
        AND is_familiar = %(is_familiar)s AND made_at > %(since)s
        ORDER BY made_at DESC LIMIT %(most)s)
"""

# An erasure removes the claims before the codes: it waits for who holds one, and who comes later finds none.
HOLD_CLAIMS = "SELECT FROM ops.claims WHERE owner = %s AND kind IN ('email', 'phone') FOR KEY SHARE SKIP LOCKED"

# What it goes to is given up in the same way, before what was sent there is ended.
HOLD_CLAIM = """
    SELECT FROM ops.claims WHERE owner = %s AND kind IN ('email', 'phone') AND blind_index = %s
    FOR KEY SHARE SKIP LOCKED
"""

# A new password is written before the codes of the old one are ended: it waits for who has seen the old one still.
HOLD_CREDENTIAL = "SELECT FROM ops.credentials WHERE account_id = %s AND password_hash = %s FOR SHARE"

END_OLDER = """
    UPDATE ops.codes SET status = 'ended'
    WHERE kind = %(kind)s AND subject = %(subject)s AND is_familiar = %(is_familiar)s AND status = 'live'
"""

INSERT = """
    INSERT INTO ops.codes
        (id, kind, subject, is_familiar, recipient, account_id, salt, digest, month, payload, made_at, expires_at)
    VALUES (%(id)s, %(kind)s, %(subject)s, %(is_familiar)s, %(recipient)s, %(account_id)s, %(salt)s, %(digest)s,
        %(month)s, %(payload)s, %(made_at)s, %(expires_at)s)
"""

LIVE = """
    SELECT id, salt FROM ops.codes
    WHERE kind = %(kind)s AND subject = %(subject)s AND status = 'live' AND expires_at > %(now)s
    ORDER BY is_familiar DESC
"""

# One statement: of those who try at once each waits for the row, and finds the tries of those before counted.
TRY = """
    UPDATE ops.codes SET
        tries = tries + (NOT %(is_familiar)s)::int,
        familiar_tries = familiar_tries + (%(is_familiar)s)::int,
        status = CASE WHEN digest = %(digest)s THEN 'spent' ELSE 'live' END
    WHERE id = %(id)s AND status = 'live' AND expires_at > %(now)s
        AND CASE WHEN %(is_familiar)s THEN familiar_tries ELSE tries END < %(most)s
    RETURNING id, kind, account_id, month, payload, status = 'spent' AS is_right
"""

FIND = """
    SELECT id, kind, account_id, month, payload FROM ops.codes
    WHERE digest = %(digest)s AND kind = ANY(%(kinds)s) AND status = 'live' AND expires_at > %(now)s
"""


class PostgresCodes:
    """As the port says; what is stored of a code does not tell the code."""

    def __init__(self, pool: Pool, sealed: SealedLetters, *, open_channels: Collection[Channel]) -> None:
        self._pool = pool
        self._sealed = sealed
        self._open = frozenset(open_channels)

    async def issue(self, code: NewCode, *, now: datetime) -> datetime:
        made, letter = await self._made(code, now)
        async with connected(self._pool) as connection, connection.transaction():
            await self._refuse_too_many(connection, made, now)
            if await _may_have_one(connection, code, made):
                await connection.execute(END_OLDER, made)
                await connection.execute(INSERT, made)
                if letter is not None:
                    await connection.execute(INSERT_LETTER, letter)
        expires_at: datetime = made["expires_at"]
        return expires_at

    async def rows(self, code: NewCode, *, now: datetime) -> Sequence[GuardedRow]:
        made, letter = await self._made(code, now)
        return [Insert("codes", made), *([Insert("letters", letter)] if letter is not None else [])]

    async def _made(self, code: NewCode, now: datetime) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return await self._sealed.code(code, now=now, open_channels=self._open)

    async def _refuse_too_many(
        self, connection: AsyncConnection[TupleRow], made: Mapping[str, Any], now: datetime
    ) -> None:
        """Whoever asks at the same moment for the same subject or recipient waits, and counts this one too."""
        whose = {made["subject"], made["recipient"] or made["subject"]}
        await connection.execute(LOCK, (sorted(_lock(made["kind"], one) for one in whose),))
        values = {**made, "since": now - LOOKED_BACK, "most": MADE_MAX}
        cursor = await connection.execute(MADE, values)
        wait = seconds_until_another([made_at for _, made_at in await cursor.fetchall()], now)
        if wait is not None:
            raise TooManyCodes(wait)

    async def check(
        self, kind: CodeKind, subject: bytes, digits: str, *, now: datetime, is_familiar: bool = False
    ) -> Proof | None:
        for live in await self._all(LIVE, {"kind": kind, "subject": subject, "now": now}):
            digest = self._sealed.secrets.digest("digits", digits, salt=live["salt"])
            trial = {"id": live["id"], "digest": digest, "most": TRIES_MAX, "now": now, "is_familiar": is_familiar}
            tried = await self._one(TRY, trial)
            if tried and tried["is_right"]:
                return await self._sealed.proof(tried)
        return None

    async def find(self, token: str, *kinds: CodeKind, now: datetime) -> Proof | None:
        digest = self._sealed.secrets.digest("token", token, salt=b"")
        found = await self._one(FIND, {"digest": digest, "kinds": list(kinds), "now": now})
        return await self._sealed.proof(found) if found else None

    def spending(self, proof: Proof) -> GuardedRow:
        return UpdateIf("codes", {"id": proof.id, "status": "live"}, {"status": "spent"})

    def ending(self, account_id: UUID, kinds: Sequence[CodeKind]) -> GuardedRow:
        where = {"account_id": account_id, "kind": list(kinds), "status": "live"}
        return UpdateIf("codes", where, {"status": "ended"}, required=False)

    async def _one(self, statement: LiteralString, values: Mapping[str, Any]) -> dict[str, Any] | None:
        async with connected(self._pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchone()

    async def _all(self, statement: LiteralString, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        async with connected(self._pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()


async def _may_have_one(connection: AsyncConnection[TupleRow], code: NewCode, made: Mapping[str, Any]) -> bool:
    """Until the end of the transaction no erasure, new password, or change of what it goes to gets past it."""
    if code.account_id is None:
        return True
    if RULES[code.kind].to_their_own:
        held = await connection.execute(HOLD_CLAIM, (code.account_id, made["recipient"]))
    else:
        held = await connection.execute(HOLD_CLAIMS, (code.account_id,))
    if held.rowcount and code.password_hash is not None:
        held = await connection.execute(HOLD_CREDENTIAL, (code.account_id, code.password_hash))
    return held.rowcount > 0


def _lock(kind: str, whose: bytes) -> int:
    """A number for the server's advisory locks."""
    digest = hashlib.sha256(b"codes|" + kind.encode() + b"|" + whose).digest()
    return int.from_bytes(digest[:8], signed=True)
