"""Changing the plan of a subscription: when that is refused, and whether it is billed now."""

from domain.shared.fact import Refusal
from domain.shared.money import Money
from domain.shared.plan_terms import PlanTerms
from domain.subscription.differences import Known
from domain.subscription.truth import PAID


class AlreadyOnPlan(Refusal):
    """The account has that plan already: by this subscription, as its first or beside it, or by another one."""


class PlanDoesNotRenew(Refusal):
    """A plan that is bought once is no plan to change to, or from."""


class CurrencyDiffers(Refusal):
    """A subscription stays in its currency."""


class SubscriptionEnding(Refusal):
    """The subscription is to end, and another plan would be paid beyond that; resumed, it can be changed."""


class PaymentsPaused(Refusal):
    """The operator has the payments for the subscription paused, and nobody else can have them collected again."""


class PaymentOutstanding(Refusal):
    """What is owed for the subscription comes first; then its plan can be changed."""


class PaymentWentBack(Refusal):
    """What was paid for the plan went back, and a change would credit it once more: the next payment comes first."""


class ChangeUnderWay(Refusal):
    """Another change of its plan was asked for, and nobody knows yet what has come of it."""


def refuse_change(known: Known, plan: PlanTerms) -> None:
    """Raises the first of the above that holds, but the last one."""
    if plan.plan_id == known.plan.plan_id and not known.plan_dropped:
        raise AlreadyOnPlan("This subscription is to that plan already.")
    if plan.plan_id in {item.plan.plan_id for item in known.further}:
        raise AlreadyOnPlan("This subscription sells that plan already, beside the one that it is to.")
    if "once" in {plan.interval, known.plan.interval}:
        raise PlanDoesNotRenew("A plan that is bought once cannot be changed to.")
    if plan.price.currency != known.plan.price.currency:
        raise CurrencyDiffers(f"This subscription is paid in {known.plan.price.currency}.")
    if known.ends_at is not None or known.wish == "end":
        raise SubscriptionEnding("This subscription is to end: resume it first, then change its plan.")
    if known.collection_paused:
        raise PaymentsPaused("Payments for this subscription are paused: its plan can be changed when they go on.")
    if known.status not in PAID:
        raise PaymentOutstanding(f"The subscription is {known.status}: pay what is owed first.")
    if known.revoked is not None:
        raise PaymentWentBack("What was paid for its plan went back: it can be changed after its next payment.")


def is_billed_now(known: Known, plan: PlanTerms, one_costs: Money | None) -> bool:
    """Whether it counts once it is paid. What is cheaper, one for one, at the same interval counts at once.

    `one_costs` is the price that she pays now, for one of it: of a plan sold several times over she pays more, and for
    as many of the other. None where that is not known, as of a price that is no plan's: then it is billed now. Another
    interval begins a new period, which is paid at once, whatever it costs.
    """
    is_cheaper = one_costs is not None and plan.price.amount < one_costs.amount
    return plan.interval != known.plan.interval or not is_cheaper
