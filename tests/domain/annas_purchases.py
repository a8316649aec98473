"""What Anna buys for a number of days: what Stripe says of it, and the facts that follow."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from domain.prepaid.facts import (
    PrepaidBought,
    PrepaidDuplicated,
    PrepaidEvent,
    PrepaidMoved,
    PrepaidRestored,
    PrepaidRevoked,
    RevokedFor,
    Span,
)
from domain.prepaid.prepaid import PaidPurchase, Prepaid, Revocation
from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms
from tests.people import ANNA, MONDAY, days

THIRTY_DAYS = PlanTerms(
    plan_id=UUID("00000000-0000-4000-8000-000000003030"),
    name="Thirty days",
    price=Money(1299, "USD"),
    interval="once",
    features=("sd",),
    max_height=480,
)


def purchase_id(number: int) -> UUID:
    return UUID(int=0xB0_0000 + number)


def paid_for(
    number: int = 1,
    on: datetime = MONDAY,
    *,
    lasting: int = 30,
    plan: PlanTerms = THIRTY_DAYS,
    revoked: Revocation | None = None,
    payment: int | None = None,
) -> PaidPurchase:
    """A purchase of hers, as the provider tells it; with a payment of its own, or that of the purchase so numbered."""
    return PaidPurchase(
        purchase_id=purchase_id(number),
        provider="stripe",
        payment_reference=f"pi_{payment or number}",
        plan=plan,
        duration_days=lasting,
        paid_at=on,
        revoked=revoked,
    )


def bought(
    number: int = 1,
    on: datetime = MONDAY,
    *,
    after: datetime | None = None,
    lasting: int = 30,
    plan: PlanTerms = THIRTY_DAYS,
) -> PrepaidBought:
    """It begins when it is paid, or `after` what was bought before."""
    starts_at = after or on
    return PrepaidBought(
        purchase_id=purchase_id(number),
        account_id=ANNA,
        provider="stripe",
        payment_reference=f"pi_{number}",
        plan=plan,
        duration_days=lasting,
        paid_at=on,
        before_ends_at=after,
        span=Span(starts_at, starts_at + days(lasting)),
    )


def duplicated(number: int, on: datetime, *, lasts_until: datetime, lasting: int = 30) -> PrepaidDuplicated:
    return PrepaidDuplicated(
        purchase_id=purchase_id(number),
        account_id=ANNA,
        provider="stripe",
        payment_reference=f"pi_{number}",
        plan=THIRTY_DAYS,
        duration_days=lasting,
        paid_at=on,
        lasts_until=lasts_until,
        refund=False,
    )


def revoked(number: int = 1, *, since: datetime, why: RevokedFor = "refunded") -> PrepaidRevoked:
    return PrepaidRevoked(
        purchase_id=purchase_id(number), account_id=ANNA, why=why, payment_reference=f"pi_{number}", since=since
    )


def restored(number: int = 1, *, since: datetime, before: RevokedFor = "refunded") -> PrepaidRestored:
    return PrepaidRestored(purchase_id=purchase_id(number), account_id=ANNA, before=before, since=since)


def moved(number: int, before: Span | None, after: Span | None, *, since: datetime) -> PrepaidMoved:
    return PrepaidMoved(purchase_id=purchase_id(number), account_id=ANNA, before=before, after=after, since=since)


def refunded(on: datetime) -> Revocation:
    return Revocation("refunded", on)


Decision = Callable[[Prepaid | None], list[PrepaidEvent]]


def observed(*paid: PaidPurchase, now: datetime = MONDAY) -> Decision:
    """The decision: what differs between these purchases and what is known."""
    return lambda known: Prepaid.observe(known, paid, account_id=ANNA, now=now)
