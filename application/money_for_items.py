"""Whether money that went back, or that somebody disputes, closes what had been paid with it: one item by itself.

The rule, for an item of a subscription that the provider lists:

- An item that is free by its price is never closed by it, nor anything while the provider says `trialing`: somebody
  gave that time.
- For the item are the payments that charge for it, by its reference; where none ever did, those for its price; where
  none did that either, it took another's place or came beside it for nothing, and all payments for items are. What is
  on an invoice beside the items (a mug, a setup fee) pays for none of them, whatever becomes of that money.
- What begins a period pays for that period once the provider calls it paid, also where credit or a coupon left nothing
  to pay. What is billed inside a period pays only with money, and what is credited never does.
- The payments for the item's current period decide; where there are none, as when a renewal failed or was void, those
  for the last period that something was paid for. Nothing is closed while something of one of them is kept.
- A dispute of one of these that takes access by the policy outweighs all that was paid before it was opened. With
  money that is paid for the item after that, and kept, the payments since then decide alone.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from application.ports.billing import SeenItem, SeenSubscription
from domain.payment.truth import CoveredItem, DisputeStage, ProviderPayment
from domain.subscription.truth import MoneyBack

Revokes = Callable[[MoneyBack], bool]
"""The policy: whether somebody whose money took this way has no access for it."""

DISPUTED: Final[dict[DisputeStage, Literal["dispute_open", "dispute_lost"]]] = {
    "open": "dispute_open",
    "lost": "dispute_lost",
}
BY_WEIGHT = ("dispute_lost", "refunded", "dispute_open")


class PaidFor(NamedTuple):
    """A payment for an item, and the end of the period that it is for."""

    payment: ProviderPayment
    until: datetime


def money_back(
    seen: SeenSubscription,
    payments: Sequence[ProviderPayment] | None,
    revokes: Revokes,
    heard_at: datetime,
    item: SeenItem,
) -> tuple[MoneyBack, ...] | None:
    """What closes the item, one thing at most; None where nothing is known of where the money is."""
    if payments is None:
        return None
    if item.is_free or seen.status == "trialing":
        return ()
    paid = [one for one in payments if one.subscription_reference == seen.reference and one.status == "paid"]
    taken = _taken(item, _for_item(item, paid), revokes, heard_at)
    return () if taken is None else (taken,)


def money_back_at_once(payment: ProviderPayment, revokes: Revokes, heard_at: datetime) -> MoneyBack | None:
    """What closes something that was sold once."""
    return _weightiest([*_disputes(payment), *_refunded([payment], heard_at)], revokes)


def _taken(item: SeenItem, own: Sequence[PaidFor], revokes: Revokes, heard_at: datetime) -> MoneyBack | None:
    """What closes the item, if these had been all that was paid for it. Each turn leaves one fewer at the least."""
    deciding = _deciding(item, own)
    disputes = [back for payment in deciding for back in _disputes(payment)]
    latest = max(filter(revokes, disputes), key=lambda back: back.since, default=None)
    if latest is not None:
        since = [one for one in own if _is_since(one.payment, latest)]
        if any(one.payment.kept for one in since):
            return _taken(item, since, revokes, heard_at)
    return _weightiest([*disputes, *_refunded(deciding, heard_at)], revokes)


def _is_since(payment: ProviderPayment, dispute: MoneyBack) -> bool:
    paid_at, own = payment.paid_at, payment.reference == dispute.payment_reference
    return paid_at is not None and paid_at > dispute.since and not own


def _disputes(payment: ProviderPayment) -> Iterator[MoneyBack]:
    for dispute in payment.disputes:
        if (how := DISPUTED.get(dispute.stage)) is not None:
            yield MoneyBack(how=how, payment_reference=payment.reference, since=dispute.opened_at)


def _refunded(payments: Sequence[ProviderPayment], heard_at: datetime) -> list[MoneyBack]:
    if not payments or any(payment.is_kept for payment in payments):
        return []
    return [MoneyBack(how="refunded", payment_reference=payments[0].reference, since=heard_at)]


def _weightiest(backs: Sequence[MoneyBack], revokes: Revokes) -> MoneyBack | None:
    return min(filter(revokes, backs), key=lambda back: BY_WEIGHT.index(back.how), default=None)


def _deciding(item: SeenItem, own: Sequence[PaidFor]) -> list[ProviderPayment]:
    """For the item's current period; where none is, for the last one."""
    newest = max((one.until for one in own), default=item.period_end)
    return [one.payment for one in own if one.until >= min(item.period_end, newest)]


def _for_item(item: SeenItem, paid: Sequence[ProviderPayment]) -> list[PaidFor]:
    """Where a payment does not tell what it is for, it is the latest one, for the current period."""
    is_for = _what_is_for(item, paid)
    found: list[PaidFor] = []
    for payment in paid:
        if payment.covers is None:
            found.append(PaidFor(payment, payment.covers_until or item.period_end))
        elif covered := [one.until for one in payment.covers if is_for(one)]:
            found.append(PaidFor(payment, max(covered)))
    return found


def _what_is_for(item: SeenItem, paid: Sequence[ProviderPayment]) -> Callable[[CoveredItem], bool]:
    """What of all that was paid for is this item."""
    covered = [one for payment in paid for one in payment.covers or ()]
    if any(one.reference == item.reference for one in covered):
        return lambda one: one.reference == item.reference
    if any(one.price_id == item.price_id for one in covered):
        return lambda one: one.price_id == item.price_id
    return lambda _: True
