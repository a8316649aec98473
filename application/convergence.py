"""Convergence: whatever arrived, the provider is asked, and the ledger records how its answer differs."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from application.customers import CustomerBinding
from application.deletions import Deletions
from application.duplicates import tell_of_duplicates, with_duplicates
from application.errors import CustomerGone, NotFound, ProviderBusy, ProviderUnavailable
from application.hearing import Heard, Hearing, patience
from application.in_turn import in_turn
from application.observing import Decision, Observing
from application.our_words import why_held_up
from application.ports.billing import BillingProvider
from application.ports.inbox import Customer, Customers, Inbox, Waiting
from application.ports.ledger import GuardedRow, InsertOnce, RowMoved, StreamMoved, UpdateIf
from application.ports.reads import AccessReads
from application.ports.world import Clock
from application.recall import Asked, Records
from application.renewing import LEASE_SECONDS, renewed
from application.unconfirmed import Unconfirmed
from domain.account.customers import CustomerBoundElsewhere, TooManyCustomers
from domain.shared.fact import Actor, Cause
from domain.subscription.truth import BillingPolicy

log = logging.getLogger(__name__)

RETRY_DELAYS_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 6 * 3600.0)
ATTEMPTS = 4
CUSTOMERS_AT_ONCE = 16
TRIED_AT_ONCE = 8
"""Of those about whom the provider could not be asked before."""
LEASE_TRIES = 100
LEASE_PAUSE_SECONDS = 0.05
OBJECTS_MAX = 200
"""Payments and invoices of a customer, the newest, that are remembered as theirs with one append."""


class HeldUp(Exception):
    """Something of the customer's cannot be recorded, such as a price of none of our plans; all else has been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """Settles what is known of one customer; any number of workers may do it at once, the last fence wins."""

    records: Records
    billing: BillingProvider
    inbox: Inbox
    customers: Customers
    binding: CustomerBinding
    observing: Observing
    hearing: Hearing
    unconfirmed: Unconfirmed
    deletions: Deletions
    business_time: Clock

    @classmethod
    def by(
        cls,
        policy: BillingPolicy,
        *,
        records: Records,
        billing: BillingProvider,
        inbox: Inbox,
        customers: Customers,
        binding: CustomerBinding,
        access: AccessReads,
        business_time: Clock,
    ) -> Self:
        """One that reads what the provider says by this policy."""
        observing = Observing(
            records=records, customers=customers, access=access, policy=policy, business_time=business_time
        )
        deletions = Deletions(records=records, billing=billing, observing=observing)
        return cls(
            records=records,
            billing=billing,
            inbox=inbox,
            customers=customers,
            binding=binding,
            observing=observing,
            hearing=Hearing(
                records=records,
                billing=billing,
                inbox=inbox,
                customers=customers,
                observing=observing,
                deletions=deletions,
            ),
            unconfirmed=Unconfirmed(
                records=records,
                billing=billing,
                inbox=inbox,
                customers=customers,
                observing=observing,
                deletions=deletions,
            ),
            deletions=deletions,
            business_time=business_time,
        )

    async def settle_waiting(self) -> int:
        """Settle the customers whose deliveries are due, several at once, and say how many that were.

        Those about whom the provider could not be asked before have slots of their own: they keep nobody waiting.
        """
        return sum(await asyncio.gather(self._settle_those(tried=False), self._settle_those(tried=True)))

    async def _settle_those(self, *, tried: bool) -> int:
        providers = [self.billing.name]

        async def waiting(room: int, busy: AbstractSet[Customer]) -> Sequence[Customer]:
            due = await self.inbox.customers_waiting(limit=room + len(busy), providers=providers, tried=tried)
            return [customer for customer in due if customer not in busy][:room]

        return await in_turn(waiting, self._settle_or_put_off, at_once=TRIED_AT_ONCE if tried else CUSTOMERS_AT_ONCE)

    async def _settle_or_put_off(self, customer: Customer) -> bool:
        """False when another worker is asking about this customer."""
        holder = await self.customers.lease(customer, seconds=LEASE_SECONDS)
        if holder is None:
            return False
        async with self._held(customer, holder):
            await self._settle_or_note(customer)
        return True

    @asynccontextmanager
    async def _held(self, customer: Customer, holder: UUID) -> AsyncGenerator[None]:
        """Keep a lease, and give it back."""
        async with renewed(lambda: self.customers.renew(customer, holder, seconds=LEASE_SECONDS)):
            try:
                yield
            finally:
                await self.customers.release(customer, holder)

    async def _settle_or_note(self, customer: Customer) -> None:
        try:
            await self.settle(customer)
        except ProviderBusy as trouble:
            # No try has failed: its turn did not come.
            log.warning("a customer is put off: %s", trouble, extra={"provider": customer.provider})
            await self.inbox.put_off(customer, seconds=trouble.retry_after_seconds)
        except (HeldUp, CustomerGone) as trouble:
            log.warning("a customer is put off: %s", trouble, extra={"provider": customer.provider})
            await self.inbox.park(customer, why=str(trouble))
        except ProviderUnavailable as trouble:
            log.warning("a customer is put off: %s", trouble, extra={"provider": customer.provider})
            await self.inbox.retry_later(customer, error=str(trouble), delays_seconds=RETRY_DELAYS_SECONDS)
        except Exception as trouble:
            log.exception("a customer could not be settled", extra={"provider": customer.provider})
            await self.inbox.retry_later(customer, error=repr(trouble), delays_seconds=RETRY_DELAYS_SECONDS)

    async def settle_now(self, customer: Customer, asked: Asked) -> None:
        """Settle on behalf of somebody who waits for what came of a command; workers keep away meanwhile.

        Raises:
            As `settle`.
        """
        holder = await self._lease_soon(customer)
        async with self._held(customer, holder) if holder is not None else nullcontext():
            await self.settle(customer, asked=asked)

    async def _lease_soon(self, customer: Customer) -> UUID | None:
        """A worker that is asking is waited for, for a while; then the fence alone decides whose answer counts."""
        for _ in range(LEASE_TRIES):
            if (holder := await self.customers.lease(customer, seconds=LEASE_SECONDS)) is not None:
                return holder
            await asyncio.sleep(LEASE_PAUSE_SECONDS)
        return None

    async def settle(self, customer: Customer, *, asked: Asked | None = None) -> None:
        """Ask the provider for the truth about this customer, and record the difference.

        Raises:
            ProviderUnavailable, or CustomerGone of one who was not deleted, with what the deliveries say recorded;
            HeldUp, with the rest recorded;
            StreamMoved when others kept writing.
        """
        account_id = await self.customers.account_of(customer) or await self._account_named_by(customer)
        if account_id is None:
            await self.inbox.park(customer, why="customer_unknown")
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._ask_and_record(customer, account_id, asked)
            except RowMoved:
                # A newer fence: whoever took it asks after us, so its answer is the better one. But somebody who
                # waits for what came of a command must see it recorded, so then we ask once more.
                if asked is None or attempt == ATTEMPTS:
                    return
            except StreamMoved:
                if attempt == ATTEMPTS:
                    raise
            else:
                return

    async def _account_named_by(self, customer: Customer) -> UUID | None:
        """Of a customer whom nobody has bound: a checkout that was paid elsewhere may name the account."""
        try:
            account_id = await self.billing.payer_of(customer.customer_id)
            if account_id is not None:
                await self.binding.bind(account_id, customer.customer_id, self._asked_by(customer, ()))
        except (CustomerGone, NotFound, CustomerBoundElsewhere, TooManyCustomers):
            return None
        return account_id

    async def _ask_and_record(self, customer: Customer, account_id: UUID, asked: Asked | None) -> None:
        """The fence first, then what is waiting, then the question: the answer settles all that came before it."""
        epoch = await self.customers.take_fence(customer)
        waiting = await self.inbox.waiting(customer)
        asked_at = self.business_time.now()
        by = asked or self._asked_by(customer, waiting)
        try:
            heard = await self.hearing.of(customer, account_id, waiting, within_seconds=patience(waiting, asked))
            why, decisions = await self._decided(heard, customer, account_id, waiting)
        except (ProviderUnavailable, CustomerGone) as trouble:
            deleted = await self.deletions.known_of(customer, account_id, trouble, waiting)
            await self.unconfirmed.record(customer, account_id, epoch, waiting, deleted=deleted)
            raise
        settled = () if why or heard.trouble else waiting
        new = await self._new_objects(customer, heard.truth.objects)
        rows = [*self._rows(customer, epoch, settled, asked_at), *self._as_theirs(customer, new)]
        recorded = await self.records.append(by, *decisions, rows=rows)
        if new:
            await self.inbox.look_again(customer.provider, new)
        tell_of_duplicates(recorded.facts)
        if heard.trouble:
            raise heard.trouble
        if why:
            raise HeldUp(why)

    async def _decided(
        self, heard: Heard, customer: Customer, account_id: UUID, waiting: Sequence[Waiting]
    ) -> tuple[str | None, list[Decision]]:
        """Why something cannot be recorded, if so, and what of all the rest is missing. Raises as `with_ends`."""
        truth, deleted = heard.truth, heard.deleted
        plans = await self.observing.plans_of(customer.provider, truth.subscriptions)
        heard_at, paid = self._heard_at(waiting), (*truth.payments, *truth.settled)
        subscriptions = [
            await self.observing.subscription(seen, plans, paid, customer, account_id, heard_at)
            for seen in reversed(truth.subscriptions)
        ]
        standing = await self.observing.access.standing(account_id)
        others = await self.observing.others(subscriptions, standing)
        others = await self.deletions.with_ends(others, customer, heard_at, deleted=deleted)
        together, now = [*subscriptions, *others], self.business_time.now()
        return why_held_up(customer, truth, plans), [
            *with_duplicates(together, self.observing.policy, standing, now),
            *([await self.deletions.noted(customer, account_id)] if deleted else []),
            *[await self.observing.payment(seen, account_id) for seen in reversed(truth.payments)],
            await self.observing.prepaid(truth, heard.earlier, customer, account_id, heard_at),
            *[await self.observing.checkout(seen) for seen in reversed(truth.checkouts)],
        ]

    def _heard_at(self, waiting: Sequence[Waiting]) -> datetime:
        """When the provider last spoke, which is nearer to what happened than when we came to listen."""
        now = self.business_time.now()
        return min(now, max((delivery.created_at for delivery in waiting), default=now))

    def _asked_by(self, customer: Customer, waiting: Sequence[Waiting]) -> Asked:
        """The newest delivery is the cause; with none waiting it was a sweep."""
        actor = Actor("provider", customer.provider)
        return Asked(actor, Cause("webhook", waiting[-1].event_id) if waiting else Cause("sweep", customer.provider))

    async def _new_objects(self, customer: Customer, objects: Sequence[str]) -> list[str]:
        """The newest that are not known to be this customer's."""
        newest = objects[:OBJECTS_MAX]
        known = await self.customers.of_objects(customer.provider, newest)
        return [one for one in newest if one not in known]

    def _as_theirs(self, customer: Customer, new: Sequence[str]) -> list[GuardedRow]:
        key = {"provider": customer.provider, "customer_id": customer.customer_id}
        return [InsertOnce("customer_objects", {**key, "reference": one}) for one in new]

    def _rows(self, customer: Customer, epoch: int, waiting: Sequence[Waiting], asked_at: datetime) -> list[GuardedRow]:
        key = {"provider": customer.provider, "customer_id": customer.customer_id, "epoch": epoch}
        rows: list[GuardedRow] = [UpdateIf("customer_fences", where=key, values={"epoch": epoch, "asked_at": asked_at})]
        if waiting:
            rows.append(
                UpdateIf(
                    "inbox",
                    where={"id": [delivery.id for delivery in waiting]},
                    values={"status": "done", "settled_at": self.business_time.now(), "error": None},
                    required=False,
                )
            )
        return rows
