"""The operations of the simulated API: which verb on which path takes what, and who does it."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.sandbox.stripe.api import (
    catalog,
    customers,
    disputes,
    entitlements,
    invoices,
    portal,
    readings,
    refunds,
    sessions,
    subscriptions,
)
from adapters.sandbox.stripe.api.parameters import Reader
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.shapes import StripeObject

# Gets the moment, the parameters that were given, and the ids of the path.
Perform = Callable[..., StripeObject]


@dataclass(frozen=True)
class Operation:
    verb: str
    path: str
    perform: Perform
    takes: Reader = readings.ONE

    @property
    def steps(self) -> list[str]:
        return self.path.strip("/").split("/")


OPERATIONS = (
    Operation("POST", "/customers", customers.create, customers.CHANGES),
    Operation("GET", "/customers", customers.listing, customers.FILTERS),
    Operation("GET", "/customers/search", customers.search, customers.SEARCH),
    Operation("GET", "/customers/{}", customers.retrieve),
    Operation("POST", "/customers/{}", customers.update, customers.CHANGES),
    Operation("DELETE", "/customers/{}", customers.delete),
    Operation("POST", "/products", catalog.create_product, catalog.NEW_PRODUCT),
    Operation("GET", "/products", catalog.list_products, catalog.PRODUCT_FILTERS),
    Operation("GET", "/products/{}", readings.retrieve("product")),
    Operation("POST", "/products/{}", catalog.update_product, catalog.PRODUCT_CHANGES),
    Operation("POST", "/prices", catalog.create_price, catalog.NEW_PRICE),
    Operation("GET", "/prices", catalog.list_prices, catalog.PRICE_FILTERS),
    Operation("GET", "/prices/{}", readings.retrieve("price")),
    Operation("POST", "/prices/{}", catalog.update_price, catalog.PRICE_CHANGES),
    Operation("POST", "/checkout/sessions", sessions.create, sessions.NEW),
    Operation("GET", "/checkout/sessions", sessions.listing, sessions.FILTERS),
    Operation("GET", "/checkout/sessions/{}", readings.retrieve("checkout.session")),
    Operation("GET", "/checkout/sessions/{}/line_items", sessions.list_lines, sessions.LINES),
    Operation("POST", "/checkout/sessions/{}/expire", sessions.expire),
    Operation("POST", "/subscriptions", subscriptions.create, subscriptions.NEW),
    Operation("GET", "/subscriptions", subscriptions.listing, subscriptions.FILTERS),
    Operation("GET", "/subscriptions/{}", readings.retrieve("subscription")),
    Operation("POST", "/subscriptions/{}", subscriptions.update, subscriptions.CHANGES),
    Operation("DELETE", "/subscriptions/{}", subscriptions.cancel, subscriptions.CANCEL),
    Operation("POST", "/subscriptions/{}/pause", subscriptions.pause, subscriptions.PAUSE),
    Operation("POST", "/subscriptions/{}/resume", subscriptions.resume, subscriptions.RESUME),
    Operation("GET", "/invoices", readings.list_invoices, readings.INVOICE_FILTERS),
    Operation("GET", "/invoices/{}", readings.retrieve("invoice")),
    Operation("POST", "/invoices/{}/finalize", invoices.finalize, invoices.FINALIZE),
    Operation("POST", "/invoices/{}/pay", invoices.pay, invoices.PAY),
    Operation("POST", "/invoices/{}/void", invoices.void),
    Operation("POST", "/invoices/{}/mark_uncollectible", invoices.give_up),
    Operation("GET", "/invoice_payments", readings.list_invoice_payments, readings.INVOICE_PAYMENT_FILTERS),
    Operation("GET", "/invoice_payments/{}", readings.retrieve("invoice_payment")),
    Operation("GET", "/payment_intents", readings.list_payment_intents, readings.PAYMENT_INTENT_FILTERS),
    Operation("GET", "/payment_intents/{}", readings.retrieve("payment_intent")),
    Operation("GET", "/charges", readings.list_charges, readings.CHARGE_FILTERS),
    Operation("GET", "/charges/{}", readings.retrieve("charge")),
    Operation("POST", "/refunds", refunds.create, refunds.NEW),
    Operation("GET", "/refunds", refunds.listing, refunds.FILTERS),
    Operation("GET", "/refunds/{}", readings.retrieve("refund")),
    Operation("POST", "/refunds/{}", refunds.update, refunds.CHANGES),
    Operation("GET", "/disputes", disputes.listing, disputes.FILTERS),
    Operation("GET", "/disputes/{}", readings.retrieve("dispute")),
    Operation("POST", "/disputes/{}", disputes.update, disputes.ANSWER),
    Operation("POST", "/disputes/{}/close", disputes.close),
    Operation("POST", "/billing_portal/sessions", portal.create, portal.NEW),
    Operation("POST", "/entitlements/features", entitlements.create_feature, entitlements.NEW_FEATURE),
    Operation("GET", "/entitlements/features", entitlements.list_features, entitlements.FEATURE_FILTERS),
    Operation("GET", "/entitlements/features/{}", readings.retrieve("entitlements.feature")),
    Operation("GET", "/entitlements/active_entitlements", entitlements.list_active, entitlements.ACTIVE_FILTERS),
    Operation("GET", "/entitlements/active_entitlements/{}", readings.retrieve("entitlements.active_entitlement")),
    Operation("POST", "/products/{}/features", entitlements.attach, entitlements.NEW_LINK),
    Operation("GET", "/products/{}/features", entitlements.list_attached, entitlements.LINK_FILTERS),
    Operation("GET", "/products/{}/features/{}", entitlements.retrieve_attached),
    Operation("DELETE", "/products/{}/features/{}", entitlements.detach),
    Operation("GET", "/events", readings.list_events, readings.EVENT_FILTERS),
    Operation("GET", "/events/{}", readings.retrieve_event),
)


def knows(verb: str | None, path: str) -> bool:
    """Whether an operation of this verb (None: of any) is at this path (below /v1) or further below."""
    steps = path.strip("/").split("/") if path.strip("/") else []
    return (not steps or path.startswith("/")) and any(
        verb in (None, operation.verb)
        and len(operation.steps) >= len(steps)
        and all(expected in ("{}", step) for expected, step in zip(operation.steps, steps, strict=False))
        for operation in OPERATIONS
    )


def find(verb: str, path: str) -> tuple[Operation, list[str]]:
    """The operation at this path (below /v1), and the ids that the path holds."""
    steps = path.strip("/").split("/")
    for operation in OPERATIONS:
        if operation.verb == verb and len(operation.steps) == len(steps):
            pairs = list(zip(operation.steps, steps, strict=True))
            if all(expected in ("{}", step) for expected, step in pairs):
                return operation, [step for expected, step in pairs if expected == "{}"]
    raise StripeRefusal(f"Unrecognized request URL ({verb}: /v1{path}).", status=404)
