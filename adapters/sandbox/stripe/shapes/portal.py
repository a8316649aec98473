"""The shape of a billing portal session (https://docs.stripe.com/api/customer_portal/sessions/object)."""

from adapters.sandbox.stripe.shapes import StripeObject, nulls

CONFIGURATION = "bpc_sandbox"


def session(id: str, *, at: int, customer: str, url: str, return_url: str | None, locale: str | None) -> StripeObject:
    return {
        "id": id,
        "object": "billing_portal.session",
        **nulls("after_expiration", "customer_account", "flow", "on_behalf_of"),
        "configuration": CONFIGURATION,
        "created": at,
        "customer": customer,
        "livemode": False,
        "locale": locale,
        "return_url": return_url,
        "url": url,
    }
