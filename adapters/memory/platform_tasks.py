"""What platforms are still to do about videos, in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

import msgspec

from application.ports.platform_tasks import PlatformTask, TaskKind, TasksOfPlatform
from application.ports.world import Clock


class _Row(msgspec.Struct):
    task: PlatformTask
    due_at: datetime
    leased_until: datetime
    error: str | None = None


class MemoryPlatformTasks:
    """One entry to a video and kind."""

    def __init__(self, real_time: Clock) -> None:
        self._real_time = real_time
        self._rows: dict[tuple[UUID, TaskKind], _Row] = {}

    async def ask(self, video_id: UUID, kind: TaskKind, platform: str) -> None:
        now, known = self._real_time.now(), self._rows.get((video_id, kind))
        wish, leased_until = (known.task.wish + 1, known.leased_until) if known else (1, now)
        task = PlatformTask(video_id, kind, platform, wish)
        self._rows[video_id, kind] = _Row(task, now, leased_until)

    async def take_due(
        self, *, busy: Mapping[str, int], each: int, limit: int, seconds: float
    ) -> Sequence[PlatformTask]:
        now, count, taken = self._real_time.now(), Counter(busy), list[PlatformTask]()
        for row in sorted(self._rows.values(), key=lambda row: row.due_at):
            due = row.due_at <= now and row.leased_until <= now
            if due and count[row.task.platform] < each and len(taken) < limit:
                count[row.task.platform] += 1
                row.leased_until = now + timedelta(seconds=seconds)
                taken.append(row.task)
        return taken

    async def done(self, task: PlatformTask) -> None:
        row = self._rows.get((task.video_id, task.kind))
        if row is not None and row.task.wish == task.wish:
            del self._rows[task.video_id, task.kind]
        else:
            await self.give_back(task)

    async def give_back(self, task: PlatformTask) -> None:
        if (row := self._rows.get((task.video_id, task.kind))) is not None:
            row.leased_until = self._real_time.now()

    async def retry_later(self, task: PlatformTask, *, error: str, seconds: float) -> None:
        row, now = self._rows[task.video_id, task.kind], self._real_time.now()
        if row.task.wish == task.wish:
            row.due_at = now + timedelta(seconds=seconds)
        row.task = msgspec.structs.replace(row.task, attempts=row.task.attempts + 1)
        row.leased_until, row.error = now, error

    async def unfinished(self) -> Sequence[TasksOfPlatform]:
        rows = sorted(self._rows.values(), key=lambda row: row.task.platform)
        return [_summed(platform, list(found)) for platform, found in groupby(rows, key=lambda row: row.task.platform)]


def _summed(platform: str, rows: Sequence[_Row]) -> TasksOfPlatform:
    return TasksOfPlatform(
        platform=platform,
        waiting=len(rows),
        failing=sum(row.task.attempts > 0 for row in rows),
        error=max((row.error for row in rows if row.error), default=None),
    )
