"""Each fact in plain words, as support would tell it to the person it is about."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, assert_never, get_args

from domain.account.account import AccountEvent
from domain.facts import AnyFact
from domain.payment.dunning import NoticeFellDue
from domain.payment.payment import (
    DisputeChanged,
    PaymentActionRequired,
    PaymentFact,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    PaymentWithdrawn,
    RefundFailed,
)
from domain.payment.refunds import RefundAccepted, RefundRefused, RefundRequested
from domain.plan.plan import (
    PlanCreated,
    PlanDetails,
    PlanFact,
    PlanReturned,
    PlanRevised,
    PlanWithdrawn,
    PriceBound,
    PriceRefused,
    PriceRequested,
    PriceRetired,
)
from domain.prepaid.facts import (
    PrepaidBought,
    PrepaidDuplicated,
    PrepaidEvent,
    PrepaidMoved,
    PrepaidRestored,
    PrepaidRevoked,
    Span,
)
from domain.shared.fact import Fact
from domain.shared.moments import in_words as _day
from domain.subscription.checkout import (
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFact,
    CheckoutFailed,
    CheckoutOpened,
    CheckoutRequested,
)
from domain.subscription.facts import SubscriptionEvent
from domain.telling_accounts import of_account
from domain.telling_subscriptions import of_subscription
from domain.video.facts import (
    CaptionsProvided,
    CaptionsRemoved,
    UploadGranted,
    UploadReceived,
    VideoCreated,
    VideoDeleted,
    VideoDescribed,
    VideoFact,
    VideoFailed,
    VideoMadeReady,
    VideoPublished,
    VideoTakenIn,
    VideoUnpublished,
)

DISPUTES = {
    "inquiry": "The bank inquired about",
    "open": "A dispute was opened about",
    "won": "The dispute was won about",
    "lost": "The dispute was lost about",
}


def tell(fact: AnyFact) -> str:
    """One sentence; it names no person, so that it can be kept where the person is erased."""
    return TELLERS[type(fact)](fact)


def _plan(fact: PlanFact) -> str:
    match fact:
        case PlanCreated():
            return f"The plan {fact.terms.name} was created at {fact.terms.price} ({fact.terms.interval})."
        case PlanRevised():
            return f"What is said of the plan changed: {', '.join(_changed(fact.before, fact.after))}."
        case PriceRequested():
            return f"A price of {fact.price} was asked for at {fact.provider}."
        case PriceRefused():
            return f"{fact.provider} would not make the price of {fact.price}: {fact.reason.rstrip('.')}."
        case PriceBound():
            return f"The plan is sold at {fact.price} through {fact.provider} ({fact.price_id})."
        case PriceRetired():
            return f"The plan is not sold at {fact.price} any more; who pays {fact.price_id} goes on."
        case PlanWithdrawn():
            return "The plan is not sold any more; who has it keeps it."
        case PlanReturned():
            return "The plan is sold again."
        case _:
            assert_never(fact)


def _changed(before: PlanDetails, after: PlanDetails) -> list[str]:
    """The names of what differs."""
    return [
        name.replace("_", " ") for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)
    ]


def _checkout(fact: CheckoutFact) -> str:
    match fact:
        case CheckoutRequested():
            return f"A checkout of the plan {fact.plan.name} for {fact.plan.price} was asked for."
        case CheckoutOpened():
            return f"The payment page was opened, until {_day(fact.expires_at)}."
        case CheckoutFailed():
            return f"The payment page could not be opened: {fact.reason}."
        case CheckoutCompleted():
            return "The checkout was completed."
        case CheckoutExpired():
            return "The payment page expired unused."
        case _:
            assert_never(fact)


def _payment(fact: PaymentFact) -> str:
    match fact:
        case PaymentSucceeded():
            return f"{fact.amount} was paid."
        case PaymentFailed():
            again = f"; the next try is on {_day(fact.next_attempt_at)}" if fact.next_attempt_at else ""
            return f"The payment of {fact.amount} failed (attempt {fact.attempt}){again}."
        case PaymentActionRequired():
            return f"The payment of {fact.amount} (attempt {fact.attempt}) waits for the viewer to confirm it."
        case PaymentWithdrawn():
            return f"The payment of {fact.amount}, which had failed, is not asked for any more."
        case PaymentRefunded():
            return f"{fact.amount} was refunded; {fact.kept} of the payment is left."
        case RefundFailed():
            return f"The refund of {fact.amount} failed; {fact.kept} of the payment is left."
        case RefundRequested():
            return f"A refund of {fact.amount} was asked for: {fact.reason}."
        case RefundAccepted():
            return f"The refund of {fact.amount} is on its way."
        case RefundRefused():
            return f"The refund of {fact.amount} was refused: {fact.reason}."
        case DisputeChanged():
            return f"{DISPUTES[fact.after]} the payment of {fact.amount} ({fact.reason})."
        case _:
            assert_never(fact)


def _notice(fact: NoticeFellDue) -> str:
    match fact.kind:
        case "payment_failed":
            again = f"; it is tried again on {_day(fact.about)}" if fact.about else ""
            return f"The viewer is to be told that attempt {fact.attempt} at the payment failed{again}."
        case "action_required":
            return f"The viewer is to be told that attempt {fact.attempt} at the payment waits for her confirmation."
        case "grace_ending":
            return f"The viewer is to be told that access ends{_on(fact.about)}, unless the open invoice is paid."
        case "access_ended":
            return f"The viewer is to be told that access ended{_on(fact.about)}, since the invoice was not paid."
        case _:
            assert_never(fact.kind)


def _on(moment: datetime | None) -> str:
    return f" on {_day(moment)}" if moment else ""


def _prepaid(fact: PrepaidEvent) -> str:
    match fact:
        case PrepaidBought():
            days, span = _days(fact.duration_days), fact.span
            return f"{days} of {fact.plan.name} were bought, from {_day(span.starts_at)} until {_day(span.ends_at)}."
        case PrepaidDuplicated():
            days, until = _days(fact.duration_days), _day(fact.lasts_until)
            return f"{days} of {fact.plan.name} were paid for, though there is access until {until} already."
        case PrepaidRevoked():
            return f"What was bought gives no access any more: the payment was {fact.why}."
        case PrepaidRestored():
            return f"What was bought gives access again: the payment is not {fact.before} any more."
        case PrepaidMoved():
            return f"What was bought gives access {_while(fact.after)} now."
        case _:
            assert_never(fact)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _while(span: Span | None) -> str:
    return "at no time" if span is None else f"from {_day(span.starts_at)} until {_day(span.ends_at)}"


def _video(fact: VideoFact) -> str:
    match fact:
        case VideoCreated():
            return f"The video “{fact.title}” was created, for {fact.access}."
        case VideoDescribed():
            return f"The video is described as “{fact.title}”, for {fact.access}."
        case UploadGranted():
            return f"The platform waits for the upload {fact.upload_id} until {_day(fact.expires_at)}."
        case VideoTakenIn():
            return f"The platform has the upload, as {fact.asset_id or 'nothing of its own'}."
        case VideoDeleted():
            return "The video was deleted."
        case UploadReceived():
            return f"An upload of {fact.size_bytes} bytes was received."
        case VideoMadeReady():
            heights = ", ".join(f"{rendition.height}p" for rendition in fact.renditions)
            return f"The video is ready: {fact.duration_seconds:.0f} s in {heights}."
        case VideoFailed():
            return f"The upload could not be used ({fact.reason}): {fact.detail}"
        case CaptionsProvided():
            return f"The {fact.kind} “{fact.label}” ({fact.language}) of the video were provided."
        case CaptionsRemoved():
            return f"The {fact.kind} in {fact.language} of the video were removed."
        case VideoPublished():
            return "The video was published."
        case VideoUnpublished():
            return "The video was taken out of the catalogue."
        case _:
            assert_never(fact)


TELLERS: dict[type[Fact], Callable[[Any], str]] = {
    **dict.fromkeys(get_args(AccountEvent), of_account),
    **dict.fromkeys(get_args(PlanFact), _plan),
    **dict.fromkeys(get_args(CheckoutFact), _checkout),
    **dict.fromkeys(get_args(PaymentFact), _payment),
    NoticeFellDue: _notice,
    **dict.fromkeys(get_args(SubscriptionEvent), of_subscription),
    **dict.fromkeys(get_args(PrepaidEvent), _prepaid),
    **dict.fromkeys(get_args(VideoFact), _video),
}
"""Who tells of what: one look where a chain of cases took a third of the time of a renewal's step."""
