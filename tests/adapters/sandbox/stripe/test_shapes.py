"""Every object of every type has the fields that the SDK's class of it declares: none missing, none made up."""

import typing
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Clock, Sandbox


@pytest.fixture
def busy(sandbox: Sandbox, clock: Clock) -> Sandbox:
    """A simulator in which everything has happened once: paid, trialing, failed, ended, rented."""
    sandbox.control("PUT", "/dunning", then="past_due")
    monthly = sandbox.price(999)
    product = str(sandbox.api.prices.retrieve(monthly).product)
    feature = sandbox.api.entitlements.features.create({"name": "HD", "lookup_key": "hd"})
    sandbox.api.products.features.create(product, {"entitlement_feature": feature.id})
    subscription = sandbox.subscribe(monthly, customer_email="alice@example.org")
    sandbox.subscribe(monthly, subscription_data={"trial_period_days": 7, "metadata": {"account": "bob"}})
    sandbox.choose(sandbox.session(monthly), "decline")
    sandbox.choose(sandbox.session(sandbox.price(399, interval=None), mode="payment"), "pay")
    sandbox.card(subscription.customer, "decline")
    clock.pass_(days=40)
    refund = sandbox.api.refunds.create({"payment_intent": sandbox.paid(subscription), "amount": 100})
    sandbox.control("POST", f"/refunds/{refund.id}/fail")
    opened = sandbox.control("POST", "/disputes", payment_intent=sandbox.paid(subscription))
    sandbox.control("POST", f"/disputes/{opened['id']}", outcome="win")
    change_and_pause(sandbox, sandbox.price(1999))
    sandbox.api.subscriptions.cancel(subscription.id)
    return sandbox


def change_and_pause(sandbox: Sandbox, dearer: str) -> None:
    """One changes and pauses, and of another the change waits for its payment."""
    for outcome in ("ok", "decline"):
        changing = sandbox.subscribe(sandbox.price(999))
        sandbox.card(changing.customer, outcome)
        sandbox.api.subscriptions.update(
            changing.id,
            {
                "items": [{"id": changing.items.data[0].id, "price": dearer}],
                "payment_behavior": "pending_if_incomplete",
                "proration_behavior": "always_invoice",
            },
        )
    sandbox.api.subscriptions.pause(sandbox.subscribe(dearer).id)


Listing = Callable[[Sandbox], list[Any]]

LISTINGS: dict[str, Listing] = {
    "customers": lambda it: it.api.customers.list({"limit": 100}).data,
    "products": lambda it: it.api.products.list({"limit": 100}).data,
    "prices": lambda it: it.api.prices.list({"limit": 100}).data,
    "sessions": lambda it: it.api.checkout.sessions.list({"limit": 100, "expand": ["data.line_items"]}).data,
    "subscriptions": lambda it: it.api.subscriptions.list({"limit": 100, "status": "all"}).data,
    "invoices": lambda it: it.api.invoices.list({"limit": 100, "expand": ["data.payments"]}).data,
    "invoice_payments": lambda it: it.api.invoice_payments.list({"limit": 100}).data,
    "payment_intents": lambda it: it.api.payment_intents.list({"limit": 100}).data,
    "charges": lambda it: it.api.charges.list({"limit": 100, "expand": ["data.refunds"]}).data,
    "features": lambda it: it.api.entitlements.features.list().data,
    "refunds": lambda it: it.api.refunds.list({"limit": 100}).data,
    "disputes": lambda it: it.api.disputes.list({"limit": 100}).data,
    "events": lambda it: it.api.events.list({"limit": 100}).data,
}


def test_objects_are_what_the_sdk_declares(busy: Sandbox) -> None:
    for name, listing in LISTINGS.items():
        objects = listing(busy)
        assert objects, f"nothing in {name} was looked at"
        for obj in objects:
            conforms(obj, name)


def test_what_an_event_carries_is_what_the_sdk_declares(busy: Sandbox) -> None:
    known = typing.get_args(stripe.Event.__annotations__["type"])

    for event in busy.api.events.list().auto_paging_iter():
        assert event.type in known
        assert event.api_version == "2026-10-28.endive"
        conforms(event.data.object, event.type)


def conforms(obj: stripe.StripeObject, where: str) -> None:
    """Looks through the object and all that it holds."""
    given = obj.to_dict(recursive=False)
    declared = declared_fields(type(obj))
    if declared:
        missing = {name for name, hint in declared.items() if not optional(hint)} - given.keys()
        made_up = given.keys() - declared.keys()
        assert not missing, f"{where} lacks {missing}"
        assert not made_up, f"{where} has made up {made_up}"
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, stripe.StripeObject):
                conforms(one, f"{where}.{name}")


def declared_fields(kind: type) -> dict[str, Any]:
    """None for plain maps and lists, which declare nothing of their own."""
    if kind in (stripe.StripeObject, stripe.ListObject):
        return {}
    return {name: hint for name, hint in kind.__annotations__.items() if "ClassVar" not in str(hint)}


def optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)
