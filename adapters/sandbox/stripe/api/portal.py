"""`/v1/billing_portal/sessions`."""

from adapters.sandbox.stripe.api.parameters import EXPAND, ID, address, fields, filled
from adapters.sandbox.stripe.books.identifiers import letters, new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.shapes import StripeObject, portal

NEW = fields(
    "customer",
    configuration=ID,
    customer=ID,
    expand=EXPAND,
    locale=filled,
    return_url=address,
)


def create(moment: Moment, given: StripeObject) -> StripeObject:
    """The page behind `url` needs no other password than its address, as with Stripe."""
    moment.need("customer", given["customer"], param="customer", status=400)
    id = new_id("bps")
    secret = letters(32)
    session = portal.session(
        id,
        at=moment.at,
        customer=given["customer"],
        url=f"{moment.public_url}/stripe/portal/{secret}",
        return_url=given.get("return_url"),
        locale=given.get("locale"),
    )
    return moment.keep(session | {"_secret": secret})
