"""Group commit: concurrent appends share transactions; one writer to a process, no timer."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from eventsourcing.persistence import InterfaceError, OperationalError, PersistenceError

from adapters.eventstore.recorder import Append, LedgerRecorder, Outcome
from application.errors import DatabaseUnavailable, LedgerBusy, OutcomeUnknown

log = logging.getLogger(__name__)

WAITING_MAX = 2_000
BATCH_MAX = 500
RECOVERY_SECONDS = 8.0
RECOVERY_PAUSE_SECONDS = 0.2

Answer = Outcome | Exception


class Pending(NamedTuple):
    """An append that waits for its transaction."""

    append: Append
    answer: asyncio.Future[int]


class GroupCommitter:
    """Takes what is waiting into one transaction, and when that is committed what came meanwhile into the next."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._recorder = recorder
        self._waiting: deque[Pending] = deque()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._running: asyncio.Task[None] | None = None

    async def append(self, append: Append) -> int:
        """The position of the last fact, once it is committed. Raises as the `Ledger` port says."""
        if len(self._waiting) >= WAITING_MAX:
            raise LedgerBusy("Too many appends are waiting.")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(Pending(append, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._write_all(), name="group-commit")
        return await answer

    async def close(self) -> None:
        """Write what is waiting, then stop."""
        if self._running is not None:
            await self._running
        self._writer.shutdown()

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
                appends = [pending.append for pending in batch]
                answers = await loop.run_in_executor(self._writer, self._record, appends)
                for pending, answer in zip(batch, answers, strict=True):
                    _give(pending.answer, answer)
        finally:
            self._running = None

    def _record(self, appends: Sequence[Append]) -> Sequence[Answer]:
        """In the writer's thread. A failure that is not a conflict is pinned to its caller by trying one by one."""
        try:
            return self._recorder.record(appends)
        except (OperationalError, InterfaceError) as lost:
            log.warning("the ledger's connection was lost", extra={"appends": len(appends), "error": str(lost)})
            deadline = time.monotonic() + RECOVERY_SECONDS
            return [self._recover(append, deadline) for append in appends]
        except Exception as trouble:
            if len(appends) == 1:
                log.exception("an append failed")
                return [trouble]
            return [answer for append in appends for answer in self._record([append])]

    def _recover(self, append: Append, deadline: float) -> Answer:
        """After a lost connection: look whether it was committed, and record it if it was not."""
        has_facts = any(write.facts for write in append.writes)
        while True:
            try:
                if not has_facts:
                    return OutcomeUnknown("The connection was lost; try again.")
                position = self._recorder.committed(append)
                return self._recorder.record([append])[0] if position is None else position
            except (OperationalError, InterfaceError):
                if time.monotonic() > deadline:
                    return OutcomeUnknown("The connection was lost and could not be had again.")
                time.sleep(RECOVERY_PAUSE_SECONDS)
            except PersistenceError as trouble:
                return DatabaseUnavailable(str(trouble))


def _give(future: asyncio.Future[int], answer: Answer) -> None:
    """A caller that has gone away gets nothing; what it asked for is recorded all the same."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
