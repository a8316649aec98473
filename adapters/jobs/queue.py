"""The table of videos to be transcoded: one row to a video, leased to one worker at a time.

A lease ends by the database's clock unless it is renewed, so that the work of a worker that was killed is taken up by
another. Every change names the try it belongs to: what a worker says after it has lost its lease changes nothing.
"""

from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool

ERROR_CHARACTERS_MAX = 2_000

DEFER = """
    INSERT INTO jobs.transcodes AS job (video_id) VALUES (%(video_id)s)
    ON CONFLICT (video_id) DO UPDATE SET
        again = job.status = 'working',
        due_at = CASE job.status WHEN 'working' THEN job.due_at ELSE now() END,
        attempts = CASE job.status WHEN 'working' THEN job.attempts ELSE 0 END,
        status = CASE job.status WHEN 'working' THEN 'working' ELSE 'queued' END
    WHERE job.status <> 'queued'
"""

TAKE = """
    WITH next AS (
        SELECT video_id FROM jobs.transcodes WHERE status <> 'failed' AND due_at <= now()
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs.transcodes AS job SET
        status = 'working', holder = gen_random_uuid(), attempts = attempts + 1, again = false, progress = 0,
        due_at = now() + make_interval(secs => %(lease_seconds)s)
    FROM next WHERE job.video_id = next.video_id
    RETURNING job.video_id, job.holder, job.attempts
"""

RENEW = """
    UPDATE jobs.transcodes SET progress = %(progress)s, due_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE video_id = %(video_id)s AND holder = %(holder)s
"""

# The row is locked first: deferred in this very moment, it is either deleted and inserted anew, or queued again.
FINISH = """
    WITH mine AS (
        SELECT video_id, again FROM jobs.transcodes
        WHERE video_id = %(video_id)s AND holder = %(holder)s FOR UPDATE
    ), done AS (
        DELETE FROM jobs.transcodes AS job USING mine WHERE job.video_id = mine.video_id AND NOT mine.again
    )
    UPDATE jobs.transcodes AS job SET
        status = 'queued', holder = NULL, again = false, attempts = 0, progress = NULL, error = NULL, due_at = now()
    FROM mine WHERE job.video_id = mine.video_id AND mine.again
"""

FAIL = """
    UPDATE jobs.transcodes SET
        status = CASE WHEN again OR %(retry_after_seconds)s::float8 IS NOT NULL THEN 'queued' ELSE 'failed' END,
        attempts = CASE WHEN again THEN 0 ELSE attempts END,
        due_at = now() + make_interval(secs => coalesce(%(retry_after_seconds)s::float8, 0)),
        holder = NULL, again = false, progress = NULL, error = %(error)s
    WHERE video_id = %(video_id)s AND holder = %(holder)s
"""

GIVE_BACK = """
    UPDATE jobs.transcodes SET
        status = 'queued', holder = NULL, attempts = attempts - 1, progress = NULL, due_at = now()
    WHERE video_id = %(video_id)s AND holder = %(holder)s
"""

PROGRESS = "SELECT progress FROM jobs.transcodes WHERE video_id = %(video_id)s AND status = 'working'"

# Nobody has it but this try, and nobody has asked for it anew.
IS_LAST = "SELECT NOT again FROM jobs.transcodes WHERE video_id = %(video_id)s AND holder = %(holder)s"

FORGET = "DELETE FROM jobs.transcodes WHERE video_id = %(video_id)s AND status = 'failed'"

FAILED = "SELECT count(*) FROM jobs.transcodes WHERE status = 'failed'"

UNFINISHED = "SELECT count(*) FROM jobs.transcodes WHERE status <> 'failed'"


class Lease(NamedTuple):
    """The right to work on a video, for a while; `attempts` counts this try too."""

    video_id: UUID
    holder: UUID
    attempts: int


class TranscodeQueue:
    """Every method may raise DatabaseUnavailable."""

    def __init__(self, pool: Pool, *, lease_seconds: float) -> None:
        self._pool = pool
        self._lease_seconds = lease_seconds

    async def defer(self, video_id: UUID) -> None:
        """Queue it, also when it has failed; worked on, it will be worked on once more."""
        await self._change(DEFER, video_id=video_id)

    async def take(self) -> Lease | None:
        """The video that is due for longest, or whose worker has been silent; None when there is none."""
        async with connected(self._pool) as connection:
            found = await (await connection.execute(TAKE, {"lease_seconds": self._lease_seconds})).fetchone()
        return Lease(*found) if found else None

    async def renew(self, lease: Lease, *, progress: float) -> bool:
        """For a lease from now on; False when somebody else has it."""
        return await self._change(RENEW, **_try(lease), progress=progress, lease_seconds=self._lease_seconds) == 1

    async def finish(self, lease: Lease) -> None:
        """Done, unless it was deferred again meanwhile."""
        await self._change(FINISH, **_try(lease))

    async def fail(self, lease: Lease, *, error: str, retry_after_seconds: float | None) -> None:
        """None: it stays failed, unless it was deferred again meanwhile."""
        told = error.replace("\0", "")[:ERROR_CHARACTERS_MAX]
        await self._change(FAIL, **_try(lease), error=told, retry_after_seconds=retry_after_seconds)

    async def is_last(self, lease: Lease) -> bool:
        """False when somebody else has it, or it was deferred again meanwhile."""
        async with connected(self._pool) as connection:
            found = await (await connection.execute(IS_LAST, _try(lease))).fetchone()
        return bool(found and found[0])

    async def forget(self, video_id: UUID) -> None:
        """That it has failed."""
        await self._change(FORGET, video_id=video_id)

    async def give_back(self, lease: Lease) -> None:
        """As if it had not been taken."""
        await self._change(GIVE_BACK, **_try(lease))

    async def progress(self, video_id: UUID) -> float | None:
        async with connected(self._pool) as connection:
            found = await (await connection.execute(PROGRESS, {"video_id": video_id})).fetchone()
        return float(found[0]) if found else None

    async def unfinished(self) -> int:
        """Queued or worked on; failed ones are not counted."""
        return await self._count(UNFINISHED)

    async def failed(self) -> int:
        return await self._count(FAILED)

    async def _count(self, statement: LiteralString) -> int:
        async with connected(self._pool) as connection:
            found = await (await connection.execute(statement)).fetchone()
        assert found is not None, "a count has one row"
        return int(found[0])

    async def _change(self, statement: LiteralString, **values: Any) -> int:
        async with connected(self._pool) as connection:
            return (await connection.execute(statement, values)).rowcount


def _try(lease: Lease) -> dict[str, UUID]:
    return {"video_id": lease.video_id, "holder": lease.holder}
