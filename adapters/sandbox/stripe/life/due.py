"""What falls due by itself: each entry of the agenda, done at its own moment."""

from collections.abc import Callable

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.books.store import Due
from adapters.sandbox.stripe.life import checkout, debts, pauses, pending, standing, subscriptions
from adapters.sandbox.stripe.shapes import StripeObject


def do(moment: Moment, due: Due) -> None:
    """`moment.at` is the time of the entry, so that is the time on all that comes of it."""
    moment.store.strike(due)
    kind, happen = HAPPENINGS[due.what]
    happen(moment, moment.need(kind, due.object_id))


def _session_expires(moment: Moment, session: StripeObject) -> None:
    checkout.expire(moment, session)


def _trial_will_end(moment: Moment, subscription: StripeObject) -> None:
    moment.announce("customer.subscription.trial_will_end", subscription)


def _pending_update_expires(moment: Moment, subscription: StripeObject) -> None:
    pending.expire(moment, subscription)


def _subscription_ends(moment: Moment, subscription: StripeObject) -> None:
    standing.end(moment, subscription, details=subscription["cancellation_details"])


HAPPENINGS: dict[str, tuple[str, Callable[[Moment, StripeObject], None]]] = {
    "session_expires": ("checkout.session", _session_expires),
    "trial_will_end": ("subscription", _trial_will_end),
    "period_ends": ("subscription", subscriptions.roll_over),
    "subscription_ends": ("subscription", _subscription_ends),
    "first_payment_lapses": ("subscription", subscriptions.lapse),
    "payment_retry": ("invoice", debts.retry),
    "resumption_lapses": ("invoice", pauses.lapse),
    "pending_update_expires": ("subscription", _pending_update_expires),
    "collection_resumes": ("subscription", pauses.collect_again),
}
