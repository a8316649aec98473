"""Going on after a pause: when the invoice of the new period is paid, and at most one is there to be paid."""

import logging

import stripe

from adapters.stripe.objects import Subscription

log = logging.getLogger(__name__)


async def end_pause(services: stripe.V1Services, known: Subscription, *, idempotency_key: str) -> None:
    """Where an invoice is open already it is asked for again, and no other is made, since both could be paid.

    In vain, it stays open, with a page on which it can be paid. Raises what the SDK raises.
    """
    invoice = known.asked_for_to_go_on
    if invoice is None:
        await services.subscriptions.resume_async(
            known.id,
            {"billing_cycle_anchor": {"type": "now"}, "payment_behavior": "resume_on_payment_success"},
            {"idempotency_key": idempotency_key},
        )
        return
    try:
        # Under a key of its own: Stripe takes one for one kind of call.
        await services.invoices.pay_async(invoice, {}, {"idempotency_key": f"{idempotency_key}-pay"})
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        log.info("%s was asked for in vain: %s", invoice, error.code)
