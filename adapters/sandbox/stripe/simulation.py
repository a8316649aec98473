"""The simulated Stripe as a whole: its books, its courier, and its time, which passes by the clock or on request."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from adapters.sandbox.stripe.books.books import Books
from adapters.sandbox.stripe.books.moment import BY_ITSELF, Cause, Moment
from adapters.sandbox.stripe.courier import Courier
from adapters.sandbox.stripe.delivering import delivering
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.faults import Faults
from adapters.sandbox.stripe.life import due

FURTHEST_SECONDS = 10 * 366 * 86_400
MOST_AT_ONCE = 10_000
TICK_SECONDS = 1.0

log = logging.getLogger(__name__)


class Simulation:
    """Use it inside `running`; everything else happens in a `moment`.

    Business time is `clock`, or, where that is later, the time to which it was last advanced.
    """

    def __init__(
        self,
        *,
        store_path: Path,
        public_url: str,
        webhook_url: str | None,
        webhook_secret: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.books = Books(store_path)
        self.courier = Courier(self.books, url=webhook_url, secret=webhook_secret, clock=clock)
        self.faults = Faults()
        self._outbox = self.books.outbox if webhook_url else None
        self._public_url = public_url.rstrip("/")
        self._clock = clock

    def running(self) -> AbstractAsyncContextManager[None]:
        """Opens the books, and keeps delivering and watching the clock until it is left."""
        return delivering(self.books, self.courier, self._watch_the_clock())

    async def _watch_the_clock(self) -> None:
        """What falls due by the clock happens within a second, also when nobody asks."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                async with self.books.lock:
                    self._catch_up(self.now())
            except Exception:
                log.exception("What fell due could not be done.")

    def now(self) -> int:
        """Unix seconds of business time."""
        advanced_to = int(self.books.store.setting("advanced_to") or 0)
        return max(int(self._clock().timestamp()), advanced_to)

    @asynccontextmanager
    async def moment(self, cause: Cause = BY_ITSELF) -> AsyncIterator[Moment]:
        """Now, after all that was due before it; one transaction. Nothing may be awaited inside."""
        async with self.books.lock:
            now = self.now()
            try:
                self._catch_up(now)
                with self.books.database.transaction():
                    yield self._moment(now, cause)
            finally:
                self.courier.wake()

    def _moment(self, at: int, cause: Cause = BY_ITSELF) -> Moment:
        return Moment(at, self.books.store, self._outbox, self._public_url, cause)

    def _catch_up(self, now: int) -> None:
        """At most so much at once; the rest follows with the next request, or a second later."""
        for _ in range(MOST_AT_ONCE):
            if not self._do_next_due(until=now):
                return

    def _do_next_due(self, *, until: int) -> bool:
        """Does the first thing that is due by then, in a transaction of its own; False when there is none."""
        first = self.books.store.next_due()
        if first is None or first.at > until:
            return False
        with self.books.database.transaction():
            due.do(self._moment(first.at), first)
        self.courier.wake()
        return True

    async def next_due(self) -> datetime | None:
        """When the next thing happens by itself."""
        async with self.books.lock:
            first = self.books.store.next_due()
        return datetime.fromtimestamp(first.at, UTC) if first else None

    async def advance(self, to: datetime) -> datetime:
        """Lets time pass until `to`, through each due moment in order; never back. Answers the new time."""
        until = int(to.timestamp())
        async with self.books.transaction():
            now = self.now()
            if until > now + FURTHEST_SECONDS:
                raise StripeRefusal("Time may be advanced by at most ten years at once.", param="to")
            # First, so that whoever asks meanwhile, or after a crash, sees no time before what has happened already.
            self.books.store.set("advanced_to", str(max(until, now)))
        await self._step_through(until)
        return datetime.fromtimestamp(self.now(), UTC)

    async def _step_through(self, until: int) -> None:
        """One moment after the other, with room for others in between."""
        more = True
        while more:
            async with self.books.lock:
                more = self._do_next_due(until=until)
            await asyncio.sleep(0)

    async def follow_the_clock(self) -> datetime:
        """Takes back every advance: business time is what the clock says."""
        async with self.books.transaction():
            self.books.store.set("advanced_to", None)
        return datetime.fromtimestamp(self.now(), UTC)
