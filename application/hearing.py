"""What the provider tells of a customer: in its lists, and of one who was deleted payment by payment."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from msgspec.structs import replace

from application.deletions import Deletions
from application.errors import CustomerGone, ProviderUnavailable
from application.observing import Bought, Observing
from application.ports.billing import BillingProvider, CustomerTruth
from application.ports.inbox import Customer, Customers, Inbox, Waiting
from application.recall import Asked, Records
from domain.payment.payment import Payment
from domain.payment.truth import ProviderPayment
from domain.shared.identity import derived_id

PATIENCE_SECONDS, PATIENCE_SECONDS_AGAIN = 3.0, 10.0
NOTHING_LISTED = CustomerTruth((), (), ())
PURCHASES_MAX = 20
"""Of an account, the newest, whose payments are asked for by themselves; and as many as deliveries name."""


@dataclass(frozen=True, slots=True)
class Heard:
    """All that the provider tells of one customer now."""

    truth: CustomerTruth
    deleted: bool = False
    """It says that the customer was deleted, or a delivery does, or one of them has said so before."""
    earlier: Sequence[Bought] = ()
    """What is on the ledger as bought for a number of days, and is not listed; its payments are in the truth."""
    trouble: ProviderUnavailable | None = None
    """Why those payments could not be asked about now: the rest is the truth all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Asks; nothing is recorded."""

    records: Records
    billing: BillingProvider
    inbox: Inbox
    customers: Customers
    observing: Observing
    deletions: Deletions

    async def of(
        self, customer: Customer, account_id: UUID, waiting: Sequence[Waiting], *, within_seconds: float | None
    ) -> Heard:
        """Raises ProviderUnavailable; CustomerGone, of one of whom nobody says that it was deleted."""
        try:
            truth = await self.billing.truth_of(customer.customer_id, within_seconds=within_seconds)
        except CustomerGone as gone:
            if not (gone.deleted or await self.deletions.known_of(customer, account_id, None, waiting)):
                raise
            truth, deleted = NOTHING_LISTED, True
        else:
            if truth.subscriptions or truth.checkouts or truth.purchases:
                return Heard(truth, bool(self.deletions.told_by(waiting)))
            # Of one who was deleted the lists may be refused, or be empty.
            deleted = await self.deletions.known_of(customer, account_id, None, waiting)
        bought = await self._bought(customer, account_id)
        named = await self._named_by(waiting) if deleted else []
        wanted = [*(one.paid.payment_reference for one in bought), *named]
        try:
            payments = await self._payments(wanted, account_id, within_seconds) if wanted else []
        except ProviderUnavailable as trouble:
            return Heard(truth, deleted, trouble=trouble)
        return Heard(replace(truth, payments=(*truth.payments, *payments)), deleted, _paid(bought, payments))

    async def _bought(self, customer: Customer, account_id: UUID) -> list[Bought]:
        """The account's purchases, but for those that are known to be another customer's."""
        bought = (await self.observing.bought_before(account_id, customer.provider))[-PURCHASES_MAX:]
        if not bought:
            return []
        paid_by = await self.customers.of_objects(customer.provider, [one.paid.payment_reference for one in bought])
        own = customer.customer_id
        return [one for one in bought if paid_by.get(one.paid.payment_reference, own) == own]

    async def _named_by(self, waiting: Sequence[Waiting]) -> list[str]:
        """Whatever the newest deliveries name: payments of subscriptions that are over are among them."""
        bodies = [await self.inbox.body(delivery.id) for delivery in waiting[-PURCHASES_MAX:]]
        named = [one for body in bodies if body is not None for one in self.billing.objects_named(body)]
        return list(dict.fromkeys(named))[-PURCHASES_MAX:]

    async def _payments(
        self, references: Sequence[str], account_id: UUID, within_seconds: float | None
    ) -> list[ProviderPayment]:
        """Those that are on the ledger as the account's: what else was paid there has nothing to do with us."""
        told = await self.billing.payments_by(list(dict.fromkeys(references)), within_seconds=within_seconds)
        return [payment for payment in told if await self._is_of(account_id, payment)]

    async def _is_of(self, account_id: UUID, payment: ProviderPayment) -> bool:
        stream = derived_id("payment", payment.provider, payment.reference)
        known = (await self.records.recall(Payment, stream)).state
        return known is not None and known.account_id == account_id


def patience(waiting: Sequence[Waiting], asked: Asked | None) -> float | None:
    """Short at first, since deliveries can be taken at their word; longer for one that has been tried before."""
    if asked is not None:
        return None
    return PATIENCE_SECONDS_AGAIN if any(delivery.attempts for delivery in waiting) else PATIENCE_SECONDS


def _paid(bought: Sequence[Bought], payments: Sequence[ProviderPayment]) -> list[Bought]:
    """Those of whose money something was told: of the others what was known stays."""
    told = {payment.reference for payment in payments}
    return [one for one in bought if one.paid.payment_reference in told]
