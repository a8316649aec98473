"""Group commit: concurrent appends share transactions; one writer to a process, no timer."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from adapters.eventstore.commit_outcome import is_unavailable, is_unknown
from adapters.eventstore.recorder import Append, LedgerRecorder, Outcome
from application.errors import DatabaseUnavailable, LedgerBusy, OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)

WAITING_MAX = 2_000
BATCH_MAX = 500
ANSWER_SECONDS_MAX = 10.0
"""Longer than that no caller waits, whatever has become of the database."""
RECOVERY_SECONDS = 8.0
"""For so long after a batch was begun a lost connection is asked for again."""
RECOVERY_PAUSE_SECONDS = 0.1

Answer = Outcome | Exception


@dataclass(eq=False, slots=True)
class Pending:
    """An append that waits for its transaction; `begun` once it may be recorded."""

    append: Append
    answer: asyncio.Future[int]
    begun: bool = False


class GroupCommitter:
    """Takes what is waiting into one transaction, and when that is committed what came meanwhile into the next."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._recorder = recorder
        self._waiting: deque[Pending] = deque()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, append: Append) -> int:
        """The position of the last fact, once it is committed; within 10 s. Raises as the `Ledger` port says.

        A caller that goes away before its turn leaves nothing; after that what it asked for is recorded all the same.
        """
        if self._closed:
            raise LedgerBusy("This process is stopping; nothing was recorded.")
        if len(self._waiting) >= WAITING_MAX:
            raise LedgerBusy("Too many appends are waiting.")
        pending = Pending(append, asyncio.get_running_loop().create_future())
        self._waiting.append(pending)
        if self._running is None:
            self._running = asyncio.create_task(self._write_all(), name="group-commit")
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                return await pending.answer
        except TimeoutError:
            return _late(pending)

    async def close(self) -> None:
        """Take nothing more, write what is waiting, then stop."""
        self._closed = True
        if self._running is not None:
            await asyncio.wait([self._running])
        await asyncio.to_thread(self._writer.shutdown)

    async def _write_all(self) -> None:
        try:
            while batch := self._next_batch():
                await self._write(batch)
        finally:
            self._running = None
            # None is left unless this was cancelled.
            while self._waiting:
                _give(self._waiting.popleft(), LedgerBusy("The writer was stopped; nothing was recorded."))

    def _next_batch(self) -> list[Pending]:
        """Those that have waited longest, without those whose callers have gone."""
        batch: list[Pending] = []
        while self._waiting and len(batch) < BATCH_MAX:
            pending = self._waiting.popleft()
            if not pending.answer.done():
                pending.begun = True
                batch.append(pending)
        return batch

    async def _write(self, batch: Sequence[Pending]) -> None:
        """Everybody in the batch has an answer after it, whatever happens."""
        answers: Sequence[Answer] = [OutcomeUnknown("The writer was stopped.") for _ in batch]
        appends, deadline = [pending.append for pending in batch], time.monotonic() + RECOVERY_SECONDS
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._writer, self._record, appends, deadline)
        except Exception as trouble:
            log.exception("a batch of appends failed", extra={"appends": len(batch)})
            answers = [trouble for _ in batch]
        finally:
            for pending, answer in zip(batch, answers, strict=True):
                _give(pending, answer)

    def _record(self, appends: Sequence[Append], deadline: float) -> Sequence[Answer]:
        """In the writer's thread. What is not the database's fault is pinned to its caller by trying one by one."""
        if time.monotonic() > deadline:
            return [DatabaseUnavailable("The database was away for too long; nothing was recorded.") for _ in appends]
        try:
            return self._recorder.record(appends)
        except Exception as trouble:
            if is_unknown(trouble):
                log.warning("the ledger's connection was lost", extra={"appends": len(appends), "error": str(trouble)})
                return self._recover(appends, deadline)
            if is_unavailable(trouble):
                log.warning("nothing can be recorded", extra={"appends": len(appends), "error": str(trouble)})
                return [_unavailable(trouble) for _ in appends]
            if len(appends) == 1:
                log.exception("an append failed")
                return [trouble]
            return [answer for append in appends for answer in self._record([append], deadline)]

    def _recover(self, appends: Sequence[Append], deadline: float) -> Sequence[Answer]:
        """After a lost connection: what was committed is found, and the rest is recorded."""
        found = self._look(appends, deadline)
        rest = [append for append, answer in zip(appends, found, strict=True) if answer is None]
        recorded = iter(self._record(rest, deadline) if rest else ())
        return [next(recorded) if answer is None else answer for answer in found]

    def _look(self, appends: Sequence[Append], deadline: float) -> Sequence[Answer | None]:
        """Which of them were committed, as soon as the database says so; None: it was not."""
        while time.monotonic() < deadline:
            time.sleep(RECOVERY_PAUSE_SECONDS)
            try:
                return self._recorder.committed(appends)
            except Exception as trouble:
                if not is_unavailable(trouble):
                    log.exception("appends cannot be looked for", extra={"appends": len(appends)})
                    return [trouble for _ in appends]
        return [OutcomeUnknown("The connection was lost and could not be had again.") for _ in appends]


def _unavailable(trouble: Exception) -> Unavailable:
    """To each caller an error of its own; the application's are told as they are."""
    if isinstance(trouble, Unavailable):
        return type(trouble)(*trouble.args)
    return DatabaseUnavailable("The database does not answer now; nothing was recorded.")


def _late(pending: Pending) -> int:
    """The answer, if it came at the very last moment."""
    if pending.answer.done() and not pending.answer.cancelled():
        return pending.answer.result()
    if pending.begun:
        raise OutcomeUnknown("The database has not answered in time.")
    raise DatabaseUnavailable("The database has not answered in time; nothing was recorded.")


def _give(pending: Pending, answer: Answer) -> None:
    """A caller that has gone away gets nothing."""
    if pending.answer.done():
        return
    if isinstance(answer, Exception):
        pending.answer.set_exception(answer)
    else:
        pending.answer.set_result(answer)
