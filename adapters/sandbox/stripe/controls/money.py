"""What customers, their cards and their banks do: whether a card is good, refunds that fail, disputes."""

from typing import Annotated, Literal

import msgspec
from litestar import Controller, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.life import disputes, refunds
from adapters.sandbox.stripe.life.dunning import Dunning, set_to
from adapters.sandbox.stripe.shapes import StripeObject, public
from adapters.sandbox.stripe.simulation import Simulation


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the issuer answers whenever the customer is charged without being there; `none`: there is no card.

    `authenticate`: it wants her to confirm the payment, as she does by paying on a hosted page.
    """

    outcome: Literal["ok", "decline", "authenticate", "none"]


class CardView(msgspec.Struct, frozen=True):
    customer: str
    outcome: str


class FailedRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the money came back; Stripe's `failure_reason`."""

    reason: Literal["declined", "expired_or_canceled_card", "lost_or_stolen_card", "unknown"] = "unknown"


class Complaint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of `charge` and `payment_intent`; `amount` in minor units, all of the charge where it is left out."""

    charge: str | None = None
    payment_intent: str | None = None
    amount: Annotated[int, msgspec.Meta(ge=1)] | None = None
    reason: str = "fraudulent"
    inquiry: bool = False


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["win", "lose", "escalate"]


class MoneyControls(Controller):
    @put("/customers/{customer_id:str}/card")
    async def set_card(
        self,
        customer_id: FromPath[str],
        data: JSONBody[Card],
        simulation: NamedDependency[SkipValidation[Simulation]],
    ) -> CardView:
        async with simulation.moment() as moment:
            moment.change(moment.need("customer", customer_id), _card=data.outcome)
        return CardView(customer_id, data.outcome)

    @post("/refunds/{refund_id:str}/fail", status_code=200)
    async def fail_refund(
        self,
        refund_id: FromPath[str],
        data: JSONBody[FailedRefund],
        simulation: NamedDependency[SkipValidation[Simulation]],
    ) -> StripeObject:
        """Answers the refund."""
        async with simulation.moment() as moment:
            return public(refunds.fail(moment, moment.need("refund", refund_id), reason=data.reason))

    @post("/disputes", status_code=200)
    async def dispute(
        self, data: JSONBody[Complaint], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> StripeObject:
        """Answers the dispute, which is open."""
        async with simulation.moment() as moment:
            charge = _charge(moment, data)
            opened = disputes.begin(moment, charge, amount=data.amount, reason=data.reason, inquiry=data.inquiry)
            return public(opened)

    @post("/disputes/{dispute_id:str}", status_code=200)
    async def decide(
        self,
        dispute_id: FromPath[str],
        data: JSONBody[Decision],
        simulation: NamedDependency[SkipValidation[Simulation]],
    ) -> StripeObject:
        """Answers the dispute as the bank's decision leaves it."""
        async with simulation.moment() as moment:
            return public(disputes.decide(moment, moment.need("dispute", dispute_id), data.outcome))

    @put("/dunning")
    async def set_dunning(
        self, data: JSONBody[Dunning], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> Dunning:
        """What is left out goes back to how it normally is."""
        async with simulation.moment() as moment:
            set_to(moment, data)
        return data


def _charge(moment: Moment, complaint: Complaint) -> StripeObject:
    if (complaint.charge is None) == (complaint.payment_intent is None):
        raise StripeRefusal("Name either a charge or a payment_intent.")
    if complaint.charge is not None:
        return moment.need("charge", complaint.charge)
    intent = moment.need("payment_intent", complaint.payment_intent or "")
    return moment.need("charge", intent["latest_charge"] or "")
