"""`expand[]`: ids in an answer replaced by the objects they name, and lists that appear only when asked for."""

from collections.abc import Callable, Sequence

from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.shapes import StripeObject, list_of, public

DEEPEST = 4

KINDS = {
    "charge": "charge",
    "customer": "customer",
    "feature": "entitlements.feature",
    "default_price": "price",
    "invoice": "invoice",
    "latest_charge": "charge",
    "latest_invoice": "invoice",
    "payment_intent": "payment_intent",
    "price": "price",
    "product": "product",
    "subscription": "subscription",
}


def expand(moment: Moment, answer: StripeObject, paths: Sequence[str]) -> StripeObject:
    """The answer with every path followed; a path through a list goes by way of its `data`."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise StripeRefusal(f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}")
        _follow(moment, answer, steps, path)
    return answer


def _follow(moment: Moment, place: StripeObject, steps: list[str], path: str) -> None:
    if not steps:
        return
    step = steps[0]
    include = INCLUDED.get((place.get("object", ""), step))
    if step not in place and include is not None:
        place[step] = include(moment, place)
    if step not in place:
        raise StripeRefusal(f"This property cannot be expanded ({path}).")
    reached = place[step]
    if isinstance(reached, str):
        reached = place[step] = _named(moment, step, reached, path)
    for one in reached if isinstance(reached, list) else [reached]:
        if isinstance(one, dict):
            _follow(moment, one, steps[1:], path)


def _named(moment: Moment, step: str, id: str, path: str) -> StripeObject:
    if step not in KINDS:
        raise StripeRefusal(f"This property cannot be expanded ({path}).")
    return public(moment.need(KINDS[step], id))


def _payments(moment: Moment, invoice: StripeObject) -> StripeObject:
    found = moment.all("invoice_payment", invoice=invoice["id"])
    return list_of(f"/v1/invoice_payments?invoice={invoice['id']}", found)


def _line_items(moment: Moment, session: StripeObject) -> StripeObject:
    lines = moment.need("checkout.session", session["id"])["_lines"]
    return list_of(f"/v1/checkout/sessions/{session['id']}/line_items", lines)


def _subscriptions(moment: Moment, customer: StripeObject) -> StripeObject:
    found = [one for one in moment.all("subscription", customer=customer["id"]) if one["status"] != "canceled"]
    return list_of(f"/v1/customers/{customer['id']}/subscriptions", [public(one) for one in found])


def _refunds(moment: Moment, charge: StripeObject) -> StripeObject:
    return list_of(f"/v1/charges/{charge['id']}/refunds", moment.all("refund", charge=charge["id"]))


INCLUDED: dict[tuple[str, str], Callable[[Moment, StripeObject], StripeObject]] = {
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
    ("customer", "subscriptions"): _subscriptions,
    ("invoice", "payments"): _payments,
}
