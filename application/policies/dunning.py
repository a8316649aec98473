"""A payment that fails or waits for the viewer, and an end for want of it, are to be told."""

from application.dunning import Dunning
from application.policies.policy import Policy
from domain.payment.payment import PaymentActionRequired, PaymentFailed
from domain.subscription.facts import StatusChanged, SubscriptionEnded


def when_payment_failed_tell_the_viewer(dunning: Dunning) -> Policy:
    """Once for each attempt."""
    return Policy("tell_of_failures", (PaymentFailed,), dunning.tell_of_failure)


def when_payment_waits_tell_the_viewer(dunning: Dunning) -> Policy:
    """Once for each attempt that she has to confirm."""
    return Policy("tell_of_actions", (PaymentActionRequired,), dunning.tell_of_action)


def when_provider_gave_up_tell_the_viewer(dunning: Dunning) -> Policy:
    """Once for each failing payment."""
    return Policy("tell_of_ends", (StatusChanged, SubscriptionEnded), dunning.tell_of_end)
