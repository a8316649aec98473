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
    due: float
    begun: bool = False


class GroupCommitter:
    """Takes what is waiting into one transaction, and when that is committed what came meanwhile into the next.

    All of it belongs to the event loop, but for what is done in the writer's thread: one batch at a time.
    """

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._recorder = recorder
        self._waiting: deque[Pending] = deque()
        self._unanswered: deque[Pending] = deque()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._writing = False
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False
        self._drained: asyncio.Future[None] | None = None

    async def append(self, append: Append) -> int:
        """The position of the last fact, once it is committed; within 10 s. Raises as the `Ledger` port says.

        A caller that goes away before its turn leaves nothing; after that what it asked for is recorded all the same.
        """
        if self._closed:
            raise LedgerBusy("This process is stopping; nothing was recorded.")
        if len(self._waiting) >= WAITING_MAX:
            raise LedgerBusy("Too many appends are waiting; nothing was recorded.")
        loop = asyncio.get_running_loop()
        pending = Pending(append, loop.create_future(), loop.time() + ANSWER_SECONDS_MAX)
        self._waiting.append(pending)
        self._unanswered.append(pending)
        if self._watch is None:
            self._watch = loop.call_at(pending.due, self._tell_who_is_late, loop)
        if not self._writing:
            # Not at once: whoever else asks in this turn of the loop goes into the same transaction.
            self._writing = True
            loop.call_soon(self._write_next, loop)
        return await pending.answer

    async def close(self) -> None:
        """Take nothing more, write what is waiting, then stop."""
        self._closed = True
        if self._writing:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
        if self._watch is not None:
            self._watch.cancel()
        await asyncio.to_thread(self._writer.shutdown)

    def _write_next(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._next_batch()
        self._writing = bool(batch)
        if batch:
            self._writer.submit(self._write, batch, loop)
        elif self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _next_batch(self) -> list[Pending]:
        """Those that have waited longest, without those whose callers have gone."""
        batch: list[Pending] = []
        while self._waiting and len(batch) < BATCH_MAX:
            pending = self._waiting.popleft()
            if not pending.answer.done():
                pending.begun = True
                batch.append(pending)
        return batch

    def _write(self, batch: Sequence[Pending], loop: asyncio.AbstractEventLoop) -> None:
        """In the writer's thread: everybody in the batch has an answer after it, whatever happens."""
        answers: Sequence[Answer]
        try:
            answers = self._record([pending.append for pending in batch], time.monotonic() + RECOVERY_SECONDS)
        except Exception as trouble:
            log.exception("a batch of appends failed", extra={"appends": len(batch)})
            answers = [OutcomeUnknown(f"The writer has failed: {trouble!r}") for _ in batch]
        try:
            loop.call_soon_threadsafe(self._answer, batch, answers, loop)
        except RuntimeError:
            log.warning("the loop was closed before its appends were answered", extra={"appends": len(batch)})

    def _answer(self, batch: Sequence[Pending], answers: Sequence[Answer], loop: asyncio.AbstractEventLoop) -> None:
        # First of all the writer has work again.
        self._write_next(loop)
        for pending, answer in zip(batch, answers, strict=True):
            _give(pending, answer)
        while self._unanswered and self._unanswered[0].answer.done():
            self._unanswered.popleft()

    def _tell_who_is_late(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all, who are due as they came; one to each would cost as much as all the rest."""
        while self._unanswered and (self._unanswered[0].answer.done() or self._unanswered[0].due <= loop.time()):
            pending = self._unanswered.popleft()
            _give(pending, _late(pending))
        self._watch = None
        if self._unanswered:
            self._watch = loop.call_at(self._unanswered[0].due, self._tell_who_is_late, loop)

    def _record(self, appends: Sequence[Append], deadline: float) -> Sequence[Answer]:
        """In the writer's thread. What is not the database's fault is pinned to its caller by halves."""
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
            middle = len(appends) // 2
            return [*self._record(appends[:middle], deadline), *self._record(appends[middle:], deadline)]

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


def _late(pending: Pending) -> Exception:
    if pending.begun:
        return OutcomeUnknown("The database has not answered in time.")
    return DatabaseUnavailable("The database has not answered in time; nothing was recorded.")


def _give(pending: Pending, answer: Answer) -> None:
    """A caller that has gone away gets nothing."""
    if pending.answer.done():
        return
    if isinstance(answer, Exception):
        pending.answer.set_exception(answer)
    else:
        pending.answer.set_result(answer)
