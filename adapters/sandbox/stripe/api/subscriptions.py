"""`/v1/subscriptions`."""

from adapters.sandbox.stripe.api.listing import filters, listed_by, page
from adapters.sandbox.stripe.api.parameters import (
    EXPAND,
    ID,
    INSTANT,
    each,
    either,
    fields,
    flag,
    merged_metadata,
    metadata,
    one_of,
    text,
    whole,
)
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal, invalid, missing_parameter, no_such
from adapters.sandbox.stripe.life import subscriptions
from adapters.sandbox.stripe.life.payments import card_is_good
from adapters.sandbox.stripe.life.subscriptions import ENDED, Chosen
from adapters.sandbox.stripe.shapes import StripeObject

KIND, URL = "subscription", "/v1/subscriptions"
STATUSES = ("active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid")
QUANTITY = whole(1, 999_999)
FEEDBACK = one_of(
    "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive",
    "unused",
)  # fmt: skip
CANCELLATION = fields(comment=text, feedback=FEEDBACK)

NEW = fields(
    "customer",
    "items",
    customer=ID,
    description=text,
    expand=EXPAND,
    items=each(
        fields(
            "price",
            metadata=metadata,
            price=ID,
            quantity=QUANTITY,
        )
    ),
    metadata=metadata,
    trial_period_days=whole(1, 730),
)
CHANGES = fields(
    cancel_at=either(("", "min_period_end", "max_period_end"), INSTANT),
    cancel_at_period_end=flag,
    cancellation_details=CANCELLATION,
    description=text,
    expand=EXPAND,
    items=each(fields(id=ID, price=ID, quantity=QUANTITY)),
    metadata=metadata,
    proration_behavior=one_of("none", "create_prorations", "always_invoice"),
)
ALLOWED_WHEN_ENDED = {"cancellation_details", "expand", "metadata"}
CANCEL = fields(cancellation_details=CANCELLATION, expand=EXPAND, invoice_now=flag, prorate=flag)
FILTERS = listed_by(customer=ID, status=one_of("all", "ended", *STATUSES))


def create(moment: Moment, given: StripeObject) -> StripeObject:
    """As in the Dashboard: without Checkout, and paid by the customer's card, which is good unless marked otherwise."""
    customer = moment.need("customer", given["customer"], param="customer", status=400)
    if not given["items"]:
        raise missing_parameter("items[0]")
    chosen = [_chosen(moment, item, f"items[{index}]") for index, item in enumerate(given["items"])]
    if len({one.price["currency"] for one in chosen}) > 1:
        raise invalid("items", "All prices of a subscription must have the same currency.")
    about = {"metadata": merged_metadata({}, given.get("metadata", {})), "description": given.get("description")}
    return subscriptions.start(
        moment,
        customer,
        chosen,
        about=about,
        trial_days=given.get("trial_period_days"),
        card_is_good=card_is_good(moment, customer["id"]),
    )


def _chosen(moment: Moment, item: StripeObject, name: str) -> Chosen:
    price = moment.need("price", item["price"], param=f"{name}[price]", status=400)
    if not price["active"]:
        raise invalid(f"{name}[price]", "The price specified is inactive. This field only accepts active prices.")
    if price["recurring"] is None:
        raise invalid(
            f"{name}[price]", f"The price `{price['id']}` is one-time; a subscription needs recurring prices."
        )
    return Chosen(price, item.get("quantity", 1), merged_metadata({}, item.get("metadata", {})))


def update(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    subscription = moment.need(KIND, id)
    if subscription["status"] in ENDED and given.keys() - ALLOWED_WHEN_ENDED:
        raise StripeRefusal("A canceled subscription can only update its cancellation_details and metadata.")
    if "metadata" in given:
        given = given | {"metadata": merged_metadata(subscription["metadata"], given["metadata"])}
    told = {name: given[name] for name in ("description", "metadata") if name in given}
    changes = _changes(moment, given, subscription)
    return subscriptions.amend(moment, subscription, told | _ending(moment, given, subscription), changes)


def _changes(moment: Moment, given: StripeObject, subscription: StripeObject) -> dict[str, Chosen]:
    """Other prices and quantities, by item id."""
    if given.get("proration_behavior", "none") != "none":
        raise invalid("proration_behavior", "The simulator does not prorate: pass `none`, or leave it out.")
    known = {item["id"]: item for item in subscription["items"]["data"]}
    changes = {}
    for index, item in enumerate(given.get("items", [])):
        name = f"items[{index}]"
        if "id" not in item:
            raise invalid(f"{name}[id]", "The simulator changes items by their id, and adds none.")
        if item["id"] not in known:
            raise no_such("subscription_item", item["id"], param=f"{name}[id]", status=400)
        before = known[item["id"]]
        kept = {"price": before["price"]["id"], "quantity": before["quantity"], "metadata": before["metadata"]}
        changes[item["id"]] = _chosen(moment, kept | item, name)
    return changes


def _ending(moment: Moment, given: StripeObject, subscription: StripeObject) -> StripeObject:
    """The fields that say when it will end; `cancel_at_period_end` sets both of Stripe's, as its API does."""
    details = subscription["cancellation_details"] | given.get("cancellation_details", {})
    if "cancel_at" in given and "cancel_at_period_end" in given:
        raise StripeRefusal("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    if "cancel_at" not in given and "cancel_at_period_end" not in given:
        return {"cancellation_details": details}
    at_period_end = given.get("cancel_at_period_end", False)
    wanted = given.get("cancel_at", "max_period_end" if at_period_end else "")
    cancel_at = _cancel_at(moment, wanted, subscription)
    stays = cancel_at is None
    return {
        "cancel_at": cancel_at,
        "cancel_at_period_end": at_period_end,
        "canceled_at": None if stays else moment.at,
        "cancellation_details": details | {"reason": None if stays else "cancellation_requested"},
    }


def _cancel_at(moment: Moment, wanted: str | int, subscription: StripeObject) -> int | None:
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if wanted == "":
        return None
    if isinstance(wanted, str):
        return int(min(ends) if wanted == "min_period_end" else max(ends))
    if wanted <= moment.at:
        raise invalid("cancel_at", "`cancel_at` must be in the future.")
    return wanted


def cancel(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    """At once. One that has ended is not there for this endpoint; nothing is pending, so nothing is left to invoice."""
    subscription = moment.need(KIND, id)
    if subscription["status"] in ENDED:
        raise no_such(KIND, id)
    told = {"reason": "cancellation_requested"} | given.get("cancellation_details", {})
    return subscriptions.end(moment, subscription, details=subscription["cancellation_details"] | told)


def listing(moment: Moment, given: StripeObject) -> StripeObject:
    where = filters(given, "customer")
    status = given.get("status")
    if status is None:
        where["status"] = [one for one in STATUSES if one != "canceled"]
    elif status == "ended":
        where["status"] = ENDED
    elif status != "all":
        where["status"] = status
    return page(moment, given, kind=KIND, url=URL, where=where)
