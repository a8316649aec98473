"""A dispute's life: the bank asks or takes the money back, the merchant answers, the bank decides.

An inquiry (`warning_...`) withdraws nothing; it is closed, or becomes a chargeback. Nothing ends by itself: the bank's
decisions are made by the control.
"""

from collections.abc import Callable

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.life.periods import DAY_SECONDS
from adapters.sandbox.stripe.shapes import StripeObject, disputes

ANSWER_SECONDS = 7 * DAY_SECONDS
OVER = ("won", "lost", "warning_closed")


def begin(moment: Moment, charge: StripeObject, *, amount: int | None, reason: str, inquiry: bool) -> StripeObject:
    """The customer complains to the bank about `amount` minor units (None: the whole charge)."""
    if not charge["paid"] or (amount or 0) > charge["amount"]:
        raise StripeRefusal("Only what was paid can be disputed.")
    if any(one["status"] not in OVER for one in moment.all("dispute", charge=charge["id"])):
        raise StripeRefusal(f"Charge {charge['id']} is disputed already.")
    shape = disputes.dispute(
        new_id("du"),
        at=moment.at,
        charge=charge,
        amount=charge["amount"] if amount is None else amount,
        reason=reason,
        inquiry=inquiry,
        due_by=moment.at + ANSWER_SECONDS,
    )
    opened = moment.keep(shape)
    moment.change(charge, disputed=True)
    moment.announce("charge.dispute.created", opened)
    if not inquiry:
        moment.announce("charge.dispute.funds_withdrawn", opened)
    return opened


def answer(moment: Moment, dispute: StripeObject, *, evidence: StripeObject, submit: bool) -> StripeObject:
    """The merchant's evidence; submitted, it is for the bank to decide."""
    _must_be_open(dispute)
    details = dispute["evidence_details"] | {"has_evidence": True}
    status = dispute["status"]
    if submit:
        details |= {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
        status = "warning_under_review" if _is_inquiry(dispute) else "under_review"
    answered = moment.change(
        dispute, status=status, evidence={**dispute["evidence"], **evidence}, evidence_details=details
    )
    moment.announce("charge.dispute.updated", answered, before=dispute)
    return answered


def decide(moment: Moment, dispute: StripeObject, outcome: str) -> StripeObject:
    """What the bank does: `win` and `lose` as the merchant sees it, or `escalate` an inquiry to a chargeback."""
    _must_be_open(dispute)
    return DECISIONS[outcome](moment, dispute)


def _escalate(moment: Moment, dispute: StripeObject) -> StripeObject:
    if not _is_inquiry(dispute):
        raise StripeRefusal("Only an inquiry can become a chargeback.")
    details = dispute["payment_method_details"]
    card = {**details["card"], "case_type": disputes.CHARGEBACK_CASE}
    taken = moment.change(
        dispute,
        status="needs_response",
        is_charge_refundable=False,
        payment_method_details={**details, "card": card},
    )
    moment.announce("charge.dispute.updated", taken, before=dispute)
    moment.announce("charge.dispute.funds_withdrawn", taken)
    return taken


def _win(moment: Moment, dispute: StripeObject) -> StripeObject:
    inquiry = _is_inquiry(dispute)
    won = moment.change(dispute, status="warning_closed" if inquiry else "won")
    moment.announce("charge.dispute.updated", won, before=dispute)
    if not inquiry:
        moment.announce("charge.dispute.funds_reinstated", won)
    moment.announce("charge.dispute.closed", won)
    return won


def lose(moment: Moment, dispute: StripeObject) -> StripeObject:
    _must_be_open(dispute)
    if _is_inquiry(dispute):
        raise StripeRefusal("An inquiry is not lost: escalate it first.")
    lost = moment.change(dispute, status="lost")
    moment.announce("charge.dispute.updated", lost, before=dispute)
    moment.announce("charge.dispute.closed", lost)
    return lost


DECISIONS: dict[str, Callable[[Moment, StripeObject], StripeObject]] = {
    "escalate": _escalate,
    "lose": lose,
    "win": _win,
}


def _is_inquiry(dispute: StripeObject) -> bool:
    return str(dispute["status"]).startswith("warning_")


def _must_be_open(dispute: StripeObject) -> None:
    if dispute["status"] in OVER:
        raise StripeRefusal(f"This dispute is already {dispute['status']}.")
