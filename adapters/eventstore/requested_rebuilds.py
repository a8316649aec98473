"""Does the rebuilds that admins have asked for: a request is a row, and lasts until the rebuild has been swapped in."""

import asyncio
import contextlib
import logging
import threading

import psycopg

from adapters.eventstore.read_models import ReadModelPoisoned, ReadModels, RebuildUnderWay
from adapters.postgres.listening import Signal
from adapters.postgres.read_model_states import PostgresReadModelStates
from application.errors import ReadModelMoved, Unavailable

log = logging.getLogger(__name__)

POLL_SECONDS = 3.0
PAUSE_SECONDS = 0.5
"""The signal fires at each batch of the read models: no more than two looks a second."""
PAUSE_AFTER_TROUBLE_SECONDS = 10.0
STOP_SECONDS = 5.0


class Stopped(Exception):
    """The worker stops, so that the rebuild does: the next worker begins it anew."""


class RequestedRebuilds:
    """Any number of workers may run it: to a read model there is one rebuild at a time, whoever is at it."""

    def __init__(self, read_models: ReadModels, states: PostgresReadModelStates, moved: Signal) -> None:
        """`moved` is the listener's signal of `READ_MODELS`, which a request fires."""
        self._read_models = read_models
        self._states = states
        self._moved = moved

    async def run(self) -> None:
        """Until cancelled; then what is being built is given up, within a page of facts or 5 s."""
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
        except (Unavailable, psycopg.OperationalError) as trouble:
            log.warning("a requested rebuild cannot be done now", extra={"error": str(trouble)})
            return False
        return all(outcomes)

    async def _done(self, name: str) -> bool:
        """Its swap takes the request away; what can never be done is taken away here, or it would be tried for ever."""
        if name not in self._read_models.projections:
            log.warning("the rebuild of a read model is left to a release that has it", extra={"read_model": name})
            return False
        try:
            await self._rebuild(name)
        except (RebuildUnderWay, ReadModelMoved) as other:
            log.info("a requested rebuild waits", extra={"read_model": name, "reason": str(other)})
            return False
        except ReadModelPoisoned as poisoned:
            log.warning("a requested rebuild failed", extra={"read_model": name, "error": str(poisoned)})
            await self._states.withdraw_request(name)
        except psycopg.OperationalError:
            raise
        except Exception:
            log.exception("a requested rebuild failed", extra={"read_model": name})
            await self._states.withdraw_request(name)
        return True

    async def _rebuild(self, name: str) -> None:
        stopping = threading.Event()

        def stop_when_told(_: int, __: int) -> None:
            if stopping.is_set():
                raise Stopped

        work = asyncio.to_thread(self._read_models.rebuild, name, on_progress=stop_when_told)
        rebuilding = asyncio.create_task(work, name=f"rebuild of {name}")
        try:
            rebuilt = await asyncio.shield(rebuilding)
        except asyncio.CancelledError:
            stopping.set()
            await asyncio.wait([rebuilding], timeout=STOP_SECONDS)
            raise
        log.info("a requested rebuild is live", extra={"read_model": name, "generation": rebuilt.generation})
