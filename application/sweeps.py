"""Sweeps: the provider is asked though nothing came, for what was never delivered, and about everybody who paid."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from application.convergence import Convergence
from application.errors import ProviderBusy, ProviderUnavailable
from application.ports.billing import BillingProvider
from application.ports.inbox import Customer, Customers
from application.ports.ledger import History, HistoryFilter, Recorded, Unreadable
from application.ports.pacing import unhurried
from application.ports.reads import AccessReads, Positions
from application.ports.sweeps import REPAIRED_MAX, Sweep, SweepKind, Sweeps
from application.ports.world import Clock
from application.recall import Asked
from application.webhooks import Webhooks
from domain.access.prepaid import prepaid_until
from domain.shared.fact import Actor, Cause

log = logging.getLogger(__name__)

KINDS: tuple[SweepKind, ...] = ("undelivered", "customers")
EVENTS_REMEMBERED = timedelta(days=30)
"""How far back a provider tells of its events."""
LEASE_SECONDS = 600.0
"""Longer than a handful of customers may take."""
AT_ONCE = 4
PAGE_SIZE = 100
PAGES_MAX = 100_000
"""Of any list, in one sweep: ten million subscriptions."""
PAUSE_AFTER_TROUBLE_SECONDS = 60.0
SEE_THROUGH_SECONDS = 86_400.0
POLL_SECONDS = 0.2
PASSED_OVER_MAX = 100_000
"""So many are remembered by their ids; of those beyond, one with several subscriptions counts as several."""
ONCE, HERE = "once:", "here:"
"""Before the place of a sweep that has come to what was sold once; to the customers known here."""


class SweepLost(Exception):
    """Its lease was over, and another worker goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """Any number of workers may call it; each sweep is done by one of them at a time."""

    sweeps: Sweeps
    billing: BillingProvider
    webhooks: Webhooks
    convergence: Convergence
    customers: Customers
    access: AccessReads
    history: History
    positions: Positions
    business_time: Clock
    customers_per_second: float
    """How many customers are asked about, at most."""

    async def request(self, cause: str) -> list[Sweep]:
        """Ask for a sweep of each kind; one that waits already will do."""
        return [await self.sweeps.request(kind, cause=cause) for kind in KINDS]

    async def see_through(self, wanted: Sequence[Sweep]) -> list[Sweep]:
        """Until each is done, failed or put off, here or by another worker; a day at most, then TimeoutError."""
        async with asyncio.timeout(SEE_THROUGH_SECONDS):
            return [await self._see_one_through(sweep) for sweep in wanted]

    async def _see_one_through(self, wanted: Sweep) -> Sweep:
        while True:
            sweep = await self.sweeps.sweep(wanted.id)
            if sweep is None or sweep.status in {"done", "failed"} or (sweep.status == "under_way" and sweep.error):
                return sweep or wanted
            if await self.sweep_next() is None:
                await asyncio.sleep(POLL_SECONDS)

    async def listing(self, *, before: int | None, limit: int) -> Sequence[Sweep]:
        """The newest first."""
        return await self.sweeps.page(before=before, limit=limit)

    async def sweep_due(self, *, undelivered_seconds: float, customers_seconds: float) -> bool:
        """Do the next sweep that was asked for or whose time has come again; False when there is none to do."""
        await self.sweeps.request_when_due("undelivered", every_seconds=undelivered_seconds)
        await self.sweeps.request_when_due("customers", every_seconds=customers_seconds)
        return await self.sweep_next() is not None

    async def sweep_next(self) -> Sweep | None:
        """The sweep that was done, failed or was put off; None when there is none that nobody is at."""
        taken = await self.sweeps.take(head=await self.positions.head(), seconds=LEASE_SECONDS)
        if taken is None:
            return None
        sweep, holder = taken
        under_way = UnderWay(self, sweep, holder)
        try:
            with unhurried():
                await under_way.go_on()
        except SweepLost:
            log.warning("a sweep is somebody else's by now", extra={"sweep": sweep.id})
        except ProviderUnavailable as trouble:
            pause = trouble.retry_after_seconds if isinstance(trouble, ProviderBusy) else PAUSE_AFTER_TROUBLE_SECONDS
            log.warning("a sweep is put off: %s", trouble, extra={"sweep": sweep.id})
            await self.sweeps.put_off(under_way.sweep, holder, error=str(trouble), seconds=pause)
        except Exception as trouble:
            log.exception("a sweep failed", extra={"sweep": sweep.id})
            failed = replace(under_way.sweep, error=repr(trouble))
            await self.sweeps.finish(failed, holder, status="failed")
        else:
            await self.sweeps.finish(replace(under_way.sweep, error=None), holder, status="done")
        return await self.sweeps.sweep(sweep.id)


class UnderWay:
    """One sweep from where it has come to, noted after each step, so that it goes on there when it is cut off."""

    def __init__(self, sweeping: Sweeping, sweep: Sweep, holder: UUID) -> None:
        self._sweeping = sweeping
        self._holder = holder
        self._passed_over: set[str] = set()
        self.sweep = sweep

    async def go_on(self) -> None:
        """Raises SweepLost, ProviderUnavailable; anything else is a failure for good."""
        if self.sweep.kind == "undelivered":
            await self._keep_undelivered()
        else:
            await self._ask_about_the_listed()
            await self._ask_about_the_known()

    async def _keep_undelivered(self) -> None:
        since = self._sweeping.business_time.now() - EVENTS_REMEMBERED
        for _ in range(PAGES_MAX):
            page = await self._sweeping.billing.undelivered_events(since=since, after=self.sweep.reached)
            new = await asyncio.gather(*map(self._sweeping.webhooks.keep, page.deliveries))
            kept = self.sweep.kept + sum(new)
            await self._note(examined=self.sweep.examined + len(new), kept=kept, reached=page.following)
            if page.following is None:
                return

    async def _ask_about_the_listed(self) -> None:
        """Page by page of all subscriptions at the provider, then of all that it sold once."""
        billing = self._sweeping.billing
        for _ in range(PAGES_MAX):
            reached = self.sweep.reached or ""
            if reached.startswith(HERE):
                return
            once = reached.startswith(ONCE)
            page = await (billing.buyers if once else billing.subscribers)(after=reached.removeprefix(ONCE) or None)
            await self._ask_about([Customer(billing.name, one) for one in dict.fromkeys(page.customer_ids)])
            if page.following is None:
                await self._note(reached=HERE if once else ONCE)
            else:
                await self._note(reached=f"{ONCE if once else ''}{page.following}")

    async def _ask_about_the_known(self) -> None:
        """Whom the provider no longer lists, and who still has an open term here."""
        provider = self._sweeping.billing.name
        for _ in range(PAGES_MAX):
            after = (self.sweep.reached or HERE).removeprefix(HERE) or None
            known = await self._sweeping.sweeps.unswept(provider, self.sweep.id, after=after, limit=PAGE_SIZE)
            if not known:
                return
            await self._ask_about([one for one in known if await self._has_open_term(one)])
            await self._note(reached=f"{HERE}{known[-1].customer_id}")

    async def _has_open_term(self, customer: Customer) -> bool:
        account_id = await self._sweeping.customers.account_of(customer)
        standing = await self._sweeping.access.standing(account_id) if account_id else None
        if standing is None:
            return False
        until = prepaid_until(standing.prepaid)
        bought = until is not None and until > self._sweeping.business_time.now()
        return bought or any(term.ended_at is None for term in standing.terms.values())

    async def _ask_about(self, customers: Sequence[Customer]) -> None:
        clock = asyncio.get_running_loop().time
        for first in range(0, len(customers), AT_ONCE):
            began, together = clock(), customers[first : first + AT_ONCE]
            asked = await asyncio.gather(*map(self._ask, together), return_exceptions=True)
            await self._note()
            if trouble := next((each for each in asked if isinstance(each, BaseException)), None):
                raise trouble
            spare = asked.count(True) / self._sweeping.customers_per_second - (clock() - began)
            await asyncio.sleep(max(0.0, spare))

    async def _ask(self, customer: Customer) -> bool:
        """False when it was not asked, since it has been."""
        if await self._sweeping.sweeps.is_swept(customer, self.sweep.id):
            return False
        # One whom nobody has bound may be bound by it: what was bought by a payment link names the account.
        await self._settle(customer)
        account_id = await self._sweeping.customers.account_of(customer)
        if account_id is None:
            self._pass_over(customer)
            await self._sweeping.sweeps.mark_swept(customer, self.sweep.id)
            return True
        if positions := await self._recorded_about(account_id):
            await self._note_repair(account_id, positions)
        self.sweep = replace(self.sweep, examined=self.sweep.examined + 1)
        await self._sweeping.sweeps.mark_swept(customer, self.sweep.id)
        return True

    def _pass_over(self, customer: Customer) -> None:
        """Counted once, however many subscriptions there are."""
        if customer.customer_id not in self._passed_over:
            self.sweep = replace(self.sweep, passed_over=self.sweep.passed_over + 1)
        if len(self._passed_over) < PASSED_OVER_MAX:
            self._passed_over.add(customer.customer_id)

    async def _settle(self, customer: Customer) -> None:
        """What cannot be settled of one customer is noted, and keeps nobody from the others."""
        try:
            await self._sweeping.convergence.settle_now(customer, self._asked())
        except ProviderUnavailable:
            raise
        except Exception:
            log.exception("a sweep could not settle a customer", extra={"sweep": self.sweep.id})
            self.sweep = replace(self.sweep, troubles=self.sweep.troubles + 1)

    def _asked(self) -> Asked:
        return Asked(Actor("provider", self._sweeping.billing.name), Cause("sweep", str(self.sweep.id)))

    async def _recorded_about(self, account_id: UUID) -> tuple[int, ...]:
        """The facts that this sweep has recorded about the account, those before it was cut off too."""
        wanted, cause = HistoryFilter(account=account_id, after=self.sweep.head), self._asked().cause
        return tuple(
            [entry.position async for entry in self._sweeping.history.entries(wanted) if _cause_of(entry) == cause]
        )

    async def _note_repair(self, account_id: UUID, positions: tuple[int, ...]) -> None:
        log.info("a sweep repaired an account", extra={"sweep": self.sweep.id, "account": str(account_id)})
        repaired = self.sweep.repaired
        if account_id in repaired or len(repaired) < REPAIRED_MAX:
            repairs = self.sweep.repairs + (account_id not in repaired)
            self.sweep = replace(self.sweep, repaired={**repaired, account_id: positions}, repairs=repairs)
        else:
            self.sweep = replace(self.sweep, repairs=self.sweep.repairs + 1)
        await self._note()

    async def _note(self, **changed: object) -> None:
        """Raises SweepLost."""
        self.sweep = replace(self.sweep, **changed)
        if not await self._sweeping.sweeps.note(self.sweep, self._holder, seconds=LEASE_SECONDS):
            raise SweepLost


def _cause_of(entry: Recorded | Unreadable) -> Cause | None:
    return entry.cause if isinstance(entry, Unreadable) else entry.fact.cause
