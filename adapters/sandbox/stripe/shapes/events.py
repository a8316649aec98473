"""The shape of a snapshot event (https://docs.stripe.com/api/events/object)."""

from adapters.sandbox.stripe.shapes import API_VERSION, StripeObject
from adapters.sandbox.stripe.shapes.rendering import timestamp


def event(
    id: str,
    *,
    at: int,
    type: str,
    obj: StripeObject,
    previous: StripeObject | None,
    request: tuple[str | None, str | None],
) -> StripeObject:
    """`request` is the id and the idempotency key of the API call that made it; none where time made it."""
    data = {"object": obj} | ({"previous_attributes": previous} if previous else {})
    return {
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": at,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": request[0], "idempotency_key": request[1]},
        "type": type,
    }


def generation_failure_resolved(id: str, *, at: int) -> StripeObject:
    """The thin event by which Stripe says that it had failed to make events, and makes them again."""
    return {
        "id": id,
        "object": "v2.core.event",
        "type": "v2.core.health.event_generation_failure.resolved",
        "created": timestamp(at),
        "livemode": False,
        "related_object": None,
        "_created": at,
    }
