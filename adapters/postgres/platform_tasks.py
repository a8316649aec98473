"""What platforms are still to do about videos, in Postgres."""

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from adapters.postgres.errors import connected
from adapters.postgres.inbox import cut
from adapters.postgres.listening import Signal
from adapters.postgres.pool import Pool
from application.ports.platform_tasks import PlatformTask, TaskKind, TasksOfPlatform

ASK = """
    INSERT INTO ops.platform_tasks AS known (video_id, kind, platform) VALUES (%s, %s, %s)
    ON CONFLICT (video_id, kind) DO UPDATE SET wish = known.wish + 1, due_at = now(), attempts = 0, error = NULL
"""

# Platform by platform, each by its part of the index: one with thousands that wait hides no other.
TAKE_DUE = """
    WITH RECURSIVE lanes (platform) AS (
        (SELECT platform FROM ops.platform_tasks ORDER BY platform LIMIT 1)
        UNION ALL
        SELECT (SELECT platform FROM ops.platform_tasks WHERE platform > lanes.platform ORDER BY platform LIMIT 1)
        FROM lanes WHERE lanes.platform IS NOT NULL
    )
    UPDATE ops.platform_tasks SET leased_until = now() + make_interval(secs => %(seconds)s) WHERE ctid = ANY(ARRAY(
        SELECT chosen.place FROM lanes CROSS JOIN LATERAL (
            SELECT ctid AS place FROM ops.platform_tasks AS due
            WHERE due.platform = lanes.platform AND due_at <= now() AND leased_until <= now()
            ORDER BY due_at LIMIT greatest(0, %(each)s - coalesce((%(busy)s::jsonb ->> lanes.platform)::integer, 0))
            FOR UPDATE SKIP LOCKED
        ) AS chosen LIMIT %(limit)s
    )) RETURNING video_id, kind, platform, wish, attempts
"""

DONE = "DELETE FROM ops.platform_tasks WHERE video_id = %(video_id)s AND kind = %(kind)s AND wish = %(wish)s"

GIVE_BACK = """
    UPDATE ops.platform_tasks SET leased_until = '-infinity' WHERE video_id = %(video_id)s AND kind = %(kind)s
"""

RETRY_LATER = """
    UPDATE ops.platform_tasks SET leased_until = '-infinity', attempts = attempts + 1, error = %(error)s,
        due_at = CASE WHEN wish = %(wish)s THEN now() + make_interval(secs => %(seconds)s) ELSE due_at END
    WHERE video_id = %(video_id)s AND kind = %(kind)s
"""

UNFINISHED = """
    SELECT platform, count(*), count(*) FILTER (WHERE attempts > 0), max(error)
    FROM ops.platform_tasks GROUP BY platform ORDER BY platform
"""


class PostgresPlatformTasks:
    """Times are the database's; `asked` fires where this process asks for something."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.asked = Signal()

    async def ask(self, video_id: UUID, kind: TaskKind, platform: str) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(ASK, (video_id, kind, platform))
        self.asked.fire()

    async def take_due(
        self, *, busy: Mapping[str, int], each: int, limit: int, seconds: float
    ) -> Sequence[PlatformTask]:
        values = {"busy": json.dumps(dict(busy)), "each": each, "limit": limit, "seconds": seconds}
        async with connected(self._pool) as connection:
            return [PlatformTask(*row) for row in await (await connection.execute(TAKE_DUE, values)).fetchall()]

    async def done(self, task: PlatformTask) -> None:
        async with connected(self._pool) as connection:
            if (await connection.execute(DONE, _named(task))).rowcount == 0:
                await connection.execute(GIVE_BACK, _named(task))

    async def retry_later(self, task: PlatformTask, *, error: str, seconds: float) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(RETRY_LATER, {**_named(task), "error": cut(error), "seconds": seconds})

    async def give_back(self, task: PlatformTask) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(GIVE_BACK, _named(task))

    async def unfinished(self) -> Sequence[TasksOfPlatform]:
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(UNFINISHED)).fetchall()
        return [
            TasksOfPlatform(platform=platform, waiting=waiting, failing=failing, error=error)
            for platform, waiting, failing, error in rows
        ]


def _named(task: PlatformTask) -> dict[str, object]:
    return {"video_id": task.video_id, "kind": task.kind, "wish": task.wish}
