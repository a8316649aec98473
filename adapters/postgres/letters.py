"""The outbox of letters and text messages in Postgres, by the clock of the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.ledger import GuardedRow, Insert
from application.ports.letters import (
    ADDRESS_KINDS,
    Channel,
    ChannelClosed,
    DueLetter,
    Letter,
    LetterCounts,
    Written,
)
from application.sealed_letters import SealedLetters

ERROR_CHARACTERS_MAX = 500
TOO_LATE = "its time was over before it could be sent"

INSERT = """
    INSERT INTO ops.letters
        (id, channel, kind, recipient, account_id, month, sealed, written_at, expires_at, due_at)
    VALUES (%(id)s, %(channel)s, %(kind)s, %(recipient)s, %(account_id)s, %(month)s, %(sealed)s, %(written_at)s,
        %(expires_at)s, %(due_at)s)
"""

# Whoever takes them has them until they would be due again, so that a worker that is killed loses none; the try is
# counted as it is begun, so that a letter which kills workers comes to an end too.
TAKE_DUE = """
    UPDATE ops.letters SET attempts = attempts + 1, due_at = now() + make_interval(secs => %(seconds)s)
    WHERE id = ANY(ARRAY(
        SELECT id FROM ops.letters WHERE status = 'waiting' AND due_at <= now()
        ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )) RETURNING id, channel, kind, account_id, month, sealed, attempts, written_at, expires_at <= now() AS late
"""

SETTLE = """
    UPDATE ops.letters SET status = %(status)s, settled_at = now(), reference = %(reference)s, error = %(error)s,
        sealed = CASE WHEN %(keep)s THEN sealed END
    WHERE id = %(id)s AND status = 'waiting'
"""

RETRY_LATER = """
    UPDATE ops.letters SET error = %(error)s, due_at = now() + make_interval(secs => %(seconds)s)
    WHERE id = %(id)s AND status = 'waiting'
"""

GONE = "DELETE FROM ops.letters WHERE id = %s"

WRITTEN = """
    SELECT id, channel, kind, account_id, month, sealed, written_at FROM ops.letters
    WHERE sealed IS NOT NULL AND (%(recipients)s::bytea[] IS NULL OR recipient = ANY(%(recipients)s))
    ORDER BY written_at DESC, id LIMIT %(limit)s
"""

COUNTS = """
    SELECT (SELECT count(*) FROM ops.letters WHERE status = 'waiting'),
        (SELECT count(*) FROM ops.letters WHERE status = 'refused' AND settled_at > now() - interval '1 day'),
        (SELECT count(*) FROM ops.letters WHERE status = 'failed' AND settled_at > now() - interval '1 day')
"""


class PostgresLetters:
    """With `keep_texts`, as in development, what has been sent can still be read."""

    def __init__(
        self, pool: Pool, sealed: SealedLetters, *, open_channels: Collection[Channel], keep_texts: bool = False
    ) -> None:
        self._pool = pool
        self._sealed = sealed
        self._open = frozenset(open_channels)
        self._keep_texts = keep_texts

    async def row(
        self, letter: Letter, *, account_id: UUID | None, now: datetime, expires_at: datetime | None = None
    ) -> GuardedRow | None:
        if letter.channel not in self._open:
            raise ChannelClosed(letter.channel)
        row = await self._sealed.letter(letter, account_id=account_id, now=now, expires_at=expires_at)
        return Insert("letters", row) if row else None

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[DueLetter]:
        """Raises DatabaseUnavailable, SealBroken."""
        taken = await self._all(TAKE_DUE, {"limit": limit, "seconds": float(seconds)})
        due: list[DueLetter] = []
        for row in sorted(taken, key=lambda row: row["written_at"]):
            letter = await self._sealed.open_letter(row)
            if letter is None:
                await self._run(GONE, (row["id"],))
            elif row["late"]:
                await self.give_up(row["id"], error=TOO_LATE, refused=False)
            else:
                due.append(DueLetter(id=row["id"], letter=letter, attempt=row["attempts"]))
        return due

    async def sent(self, id: UUID, *, reference: str) -> None:
        await self._settle(id, "sent", reference=reference, error=None)

    async def retry_later(self, id: UUID, *, error: str, seconds: float) -> None:
        await self._run(RETRY_LATER, {"id": id, "error": _cut(error), "seconds": float(seconds)})

    async def give_up(self, id: UUID, *, error: str, refused: bool) -> None:
        await self._settle(id, "refused" if refused else "failed", reference=None, error=error)

    async def written(self, to: str | None, *, limit: int) -> Sequence[Written]:
        index = self._sealed.blind_index
        recipients = None if to is None else [index.of(kind, to) for kind in ADDRESS_KINDS.values()]
        found = await self._all(WRITTEN, {"recipients": recipients, "limit": limit})
        opened = [(await self._sealed.open_letter(row), row["written_at"]) for row in found]
        return [Written(to=each.to, subject=each.subject, body=each.body, at=at) for each, at in opened if each]

    async def counts(self) -> LetterCounts:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(COUNTS)).fetchone()
        return LetterCounts(*row) if row else LetterCounts()

    async def _settle(self, id: UUID, status: str, *, reference: str | None, error: str | None) -> None:
        values = {
            "id": id,
            "status": status,
            "reference": reference and _cut(reference),
            "error": error and _cut(error),
            "keep": self._keep_texts,
        }
        await self._run(SETTLE, values)

    async def _run(self, statement: LiteralString, values: Any) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(statement, values)

    async def _all(self, statement: LiteralString, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        async with connected(self._pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()


def _cut(text: str) -> str:
    return text.replace("\x00", "")[:ERROR_CHARACTERS_MAX]
