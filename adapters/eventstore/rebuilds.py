"""Rebuilds from within an event loop: those that somebody waits for, and those that admins have asked for."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ParamSpec, Protocol, TypeVar

from adapters.eventstore.following import Progress, no_progress
from adapters.eventstore.read_models import ReadModelPoisoned, ReadModels, RebuildUnderWay, Rebuilt, Verified
from adapters.eventstore.swapping import Dropped, SwapImpossible
from adapters.postgres.errors import database_errors
from adapters.postgres.listening import Signal
from adapters.postgres.read_model_states import PostgresReadModelStates
from application.errors import ReadModelMoved, ReadModelNotReady, Unavailable

log = logging.getLogger(__name__)

POLL_SECONDS = 3.0
PAUSE_SECONDS = 0.5
"""The signal fires at each batch of the read models: no more than two looks a second."""
PAUSE_AFTER_TROUBLE_SECONDS = 10.0
STOP_SECONDS = 5.0

P = ParamSpec("P")
T = TypeVar("T")
Made = TypeVar("Made", covariant=True)


class Long(Protocol[Made]):
    """What takes as long as the ledger is, and says how far it is."""

    def __call__(self, name: str, *, on_progress: Progress) -> Made: ...


class Stopped(Exception):
    """Whoever waited for it has gone, so that nothing is swapped."""


class Rebuilds:
    """In threads of their own, and given up with what was built so far when the task that waits is cancelled.

    All raise as `ReadModels` does, and DatabaseUnavailable in the place of the database's own errors.
    """

    def __init__(self, read_models: ReadModels, states: PostgresReadModelStates, moved: Signal) -> None:
        """`moved` is the listener's signal of `READ_MODELS`, which a request fires."""
        self._read_models = read_models
        self._states = states
        self._moved = moved

    async def rebuild(self, name: str, *, on_progress: Progress = no_progress) -> Rebuilt:
        """Beside the live one, and swapped in. `on_progress` is called from another thread."""
        return await _given_up_when_cancelled(self._read_models.rebuild, name, on_progress)

    async def verify(self, name: str, *, on_progress: Progress = no_progress) -> Verified:
        """Whether the live one is what the ledger says. `on_progress` is called from another thread.

        Raises ReadModelNotReady where there is none.
        """
        if not any(status.name == name for status in await self._states.statuses()):
            raise ReadModelNotReady(f"There is no read model {name} yet: it has to be rebuilt first.")
        return await _given_up_when_cancelled(self._read_models.verify, name, on_progress)

    async def rollback(self, name: str) -> Rebuilt:
        """To the generation that was live before."""
        return await _in_thread(self._read_models.rollback, name)

    async def drop_kept(self, name: str, *, older_than: timedelta) -> Dropped:
        """Those that have been kept for so long, and that nobody reads."""
        return await _in_thread(self._read_models.drop_kept, name, older_than=older_than)

    async def run(self) -> None:
        """Until cancelled, do what admins ask for. Any number of workers may: to a read model there is one at a time.

        A request is a row that lasts until the rebuild is swapped in: what one worker left is begun anew by the next.
        """
        while True:
            # Taken before the look: a request between the look and the wait is not missed.
            moved = self._moved.next
            if not await self._done_what_waits():
                await asyncio.sleep(PAUSE_AFTER_TROUBLE_SECONDS)
                continue
            await asyncio.sleep(PAUSE_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await moved.wait()

    async def _done_what_waits(self) -> bool:
        """False where something has to wait, for another's rebuild, a newer release or a database that is away."""
        try:
            outcomes = [await self._done(name) for name in await self._states.rebuilds_requested()]
        except Unavailable as trouble:
            log.warning("requested rebuilds cannot be done now", extra={"error": str(trouble)})
            return False
        return all(outcomes)

    async def _done(self, name: str) -> bool:
        """Its swap takes the request away; what can never be done is given up here, or it would be tried for ever."""
        if name not in self._read_models.projections:
            log.info("a requested rebuild is left to a release that knows it", extra={"read_model": name})
            return False
        try:
            rebuilt = await self.rebuild(name)
        except (RebuildUnderWay, ReadModelMoved, SwapImpossible) as other:
            log.info("a requested rebuild waits", extra={"read_model": name, "reason": str(other)})
            return False
        except Unavailable:
            raise
        except Exception as failed:
            foreseen = isinstance(failed, ReadModelPoisoned)
            told = {"read_model": name, "reason": str(failed)}
            log.error("a requested rebuild failed", extra=told, exc_info=None if foreseen else failed)  # noqa: TRY400
            await self._states.give_up_request(name, str(failed) or repr(failed))
        else:
            log.info("a requested rebuild is live", extra={"read_model": name, "generation": rebuilt.generation})
        return True


async def _given_up_when_cancelled(work: Long[T], name: str, on_progress: Progress) -> T:
    """A thread cannot be ended from the outside: it is told so at its next page of facts, and waited for up to 5 s."""
    gone = threading.Event()

    def pass_on(position: int, target: int) -> None:
        on_progress(position, target)
        if gone.is_set():
            raise Stopped

    working = asyncio.create_task(_in_thread(work, name, on_progress=pass_on), name=f"{work} of {name}")
    working.add_done_callback(_looked_at)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        gone.set()
        await asyncio.wait([working], timeout=STOP_SECONDS)
        raise


def _looked_at(working: asyncio.Task[Any]) -> None:
    """Nobody is left to hear why it ended, and asyncio would complain of that."""
    if not working.cancelled():
        working.exception()


async def _in_thread(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    with database_errors():
        return await asyncio.to_thread(work, *given, **named)
