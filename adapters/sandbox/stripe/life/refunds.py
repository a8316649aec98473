"""Giving money back: all of a charge or a part, at once; a refund may still fail days later."""

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.shapes import StripeObject, refunds


def give(
    moment: Moment, charge: StripeObject, *, amount: int | None, reason: str | None, metadata: dict[str, str]
) -> StripeObject:
    """`amount` in minor units; None: all that is left of the charge."""
    left = _refundable(moment, charge)
    wanted = left if amount is None else amount
    if wanted > left:
        raise StripeRefusal(f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left}).",
                            code="amount_too_large", param="amount")  # fmt: skip
    made = refunds.refund(new_id("re"), at=moment.at, charge=charge, amount=wanted, reason=reason)
    refund = moment.keep(made | {"metadata": metadata})
    repaid = _count(moment, charge, wanted)
    moment.announce("refund.created", refund)
    moment.announce("charge.refunded", repaid, before=charge)
    return refund


def _refundable(moment: Moment, charge: StripeObject) -> int:
    if not charge["paid"]:
        raise StripeRefusal(f"Charge {charge['id']} was not paid and cannot be refunded.", param="charge")
    if any(_is_taken(dispute) for dispute in moment.all("dispute", charge=charge["id"])):
        raise StripeRefusal(f"Charge {charge['id']} has been charged back.", code="charge_disputed", param="charge")
    left = int(charge["amount"] - charge["amount_refunded"])
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeRefusal(message, code="charge_already_refunded", param="charge")
    return left


def _is_taken(dispute: StripeObject) -> bool:
    """Whether the bank has the money already."""
    return dispute["status"] != "won" and not dispute["is_charge_refundable"]


def _count(moment: Moment, charge: StripeObject, amount: int) -> StripeObject:
    """`amount` more of the charge is refunded; less, where it is negative."""
    refunded = charge["amount_refunded"] + amount
    return moment.change(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])


def fail(moment: Moment, refund: StripeObject, *, reason: str) -> StripeObject:
    """The customer's bank sends the money back: the charge counts as paid again."""
    if refund["status"] != "succeeded":
        raise StripeRefusal(f"This refund is {refund['status']}; it cannot fail any more.")
    failed = moment.change(refund, status="failed", failure_reason=reason, failure_balance_transaction=None)
    charge = moment.need("charge", refund["charge"])
    restored = _count(moment, charge, -refund["amount"])
    moment.announce("refund.updated", failed, before=refund)
    moment.announce("charge.refund.updated", failed, before=refund)
    moment.announce("refund.failed", failed)
    moment.announce("charge.updated", restored, before=charge)
    return failed
