"""`/v1/checkout/sessions`."""

from collections.abc import Sequence

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import (
    EXPAND,
    ID,
    INSTANT,
    address,
    each,
    fields,
    filled,
    flag,
    merged_metadata,
    metadata,
    one_of,
    text,
    whole,
)
from adapters.sandbox.stripe.api.subscriptions import TRIAL_SETTINGS
from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal, invalid, missing_parameter
from adapters.sandbox.stripe.life import checkout, subscriptions
from adapters.sandbox.stripe.shapes import StripeObject, list_of
from adapters.sandbox.stripe.shapes import checkout as shapes

KIND, URL = "checkout.session", "/v1/checkout/sessions"

SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
# The caller reckoned its `expires_at` a moment before the request arrived.
ON_THE_WAY_SECONDS = 60

NEW = fields(
    "line_items",
    "mode",
    "success_url",
    allow_promotion_codes=flag,
    billing_address_collection=one_of("auto", "required"),
    cancel_url=address,
    client_reference_id=filled,
    customer=ID,
    customer_creation=one_of("always", "if_required"),
    customer_email=filled,
    expand=EXPAND,
    expires_at=INSTANT,
    line_items=each(
        fields(
            "price",
            price=ID,
            quantity=whole(1, 999_999),
        )
    ),
    locale=filled,
    metadata=metadata,
    mode=one_of("payment", "subscription"),
    payment_intent_data=fields(description=text, metadata=metadata),
    payment_method_types=each(one_of("card")),
    subscription_data=fields(
        description=text, metadata=metadata, trial_period_days=whole(1, 730), trial_settings=TRIAL_SETTINGS
    ),
    success_url=address,
    ui_mode=one_of("hosted_page"),
)
AS_GIVEN = (
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "locale",
    "payment_method_types",
    "success_url",
)
FILTERS = listed_by(customer=ID, payment_intent=ID, status=one_of("complete", "expired", "open"), subscription=ID)
LINES = fields(expand=EXPAND, limit=whole(1, 100))


def create(moment: Moment, given: StripeObject) -> StripeObject:
    prices = _prices(moment, given)
    _check(moment, given, prices)
    id = new_id("cs_test", 58)
    trial = "trial_period_days" in given.get("subscription_data", {})
    lines = [_line(moment, one, price, free=trial) for one, price in zip(given["line_items"], prices, strict=True)]
    total = sum(line["amount_total"] for line in lines)
    session = shapes.session(
        id,
        at=moment.at,
        url=f"{moment.public_url}/stripe/checkout/{id}",
        mode=given["mode"],
        currency=prices[0]["currency"],
        subtotal=total,
        total=total,
    )
    opened = moment.keep(session | _as_given(moment, given) | {"_lines": lines})
    moment.plan("session_expires", opened, at=opened["expires_at"])
    return opened


def _prices(moment: Moment, given: StripeObject) -> list[StripeObject]:
    if not given["line_items"]:
        raise missing_parameter("line_items[0]")
    return [
        moment.need("price", line["price"], param=f"line_items[{index}][price]", status=400)
        for index, line in enumerate(given["line_items"])
    ]


def _check(moment: Moment, given: StripeObject, prices: Sequence[StripeObject]) -> None:
    wanted = "recurring" if given["mode"] == "subscription" else "one_time"
    for index, price in enumerate(prices):
        at_fault = f"line_items[{index}][price]"
        if not price["active"]:
            raise invalid(at_fault, "The price specified is inactive. This field only accepts active prices.")
        if price["type"] != wanted:
            raise invalid(at_fault, f"In `{given['mode']}` mode the simulator sells {wanted} prices only.")
        if price["currency"] != prices[0]["currency"]:
            raise invalid(at_fault, "All prices of a session must have the same currency.")
    if wanted == "recurring":
        subscriptions.refuse_repeated(prices)
    if "customer" in given and "customer_email" in given:
        raise StripeRefusal("You may only specify one of these parameters: customer, customer_email.")
    if "customer" in given:
        moment.need("customer", given["customer"], param="customer", status=400)
    for part, mode in {"subscription_data": "subscription", "payment_intent_data": "payment"}.items():
        if part in given and given["mode"] != mode:
            raise invalid(part, f"You can not pass `{part}` in `{given['mode']}` mode.")
    soonest, latest = moment.at + SHORTEST_SECONDS, moment.at + LONGEST_SECONDS
    if not soonest - ON_THE_WAY_SECONDS <= given.get("expires_at", latest) <= latest + ON_THE_WAY_SECONDS:
        raise invalid("expires_at", "The session must expire between 30 minutes and 24 hours after it is created.")


def _line(moment: Moment, given: StripeObject, price: StripeObject, *, free: bool) -> StripeObject:
    quantity = given.get("quantity", 1)
    return shapes.line(
        new_id("li"),
        price=price,
        quantity=quantity,
        description=moment.need("product", price["product"])["name"],
        total=0 if free else price["unit_amount"] * quantity,
    )


def _as_given(moment: Moment, given: StripeObject) -> StripeObject:
    kept = {name: given[name] for name in AS_GIVEN if name in given}
    if given["mode"] == "payment" and "customer" not in given:
        kept["customer_creation"] = given.get("customer_creation", "if_required")
    return kept | {
        "expires_at": given.get("expires_at", moment.at + LONGEST_SECONDS),
        "metadata": merged_metadata({}, given.get("metadata", {})),
        "_payment": _about(given.get("payment_intent_data", {})),
        "_subscription": _about(given.get("subscription_data", {})),
    }


def _about(given: StripeObject) -> StripeObject:
    return given | {"metadata": merged_metadata({}, given.get("metadata", {}))}


def expire(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    session = moment.need(KIND, id)
    if session["status"] != "open":
        raise StripeRefusal(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" {session['status']}."
        )
    return checkout.expire(moment, session)


def listing(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "customer", "payment_intent", "status", "subscription")
    return page(moment, given, kind=KIND, url=URL, where=where)


def list_lines(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    lines = moment.need(KIND, id)["_lines"]
    limit = given.get("limit", 10)
    return list_of(f"{URL}/{id}/line_items", lines[:limit], has_more=len(lines) > limit)
