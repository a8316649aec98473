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
from adapters.sandbox.stripe.life import changes, pauses, standing, subscriptions
from adapters.sandbox.stripe.life.changes import Exchange
from adapters.sandbox.stripe.life.payments import card_is_good
from adapters.sandbox.stripe.life.periods import DAY_SECONDS
from adapters.sandbox.stripe.life.subscriptions import ENDED, Chosen
from adapters.sandbox.stripe.shapes import StripeObject
from adapters.sandbox.stripe.shapes.payments import DECLINED

KIND, URL = "subscription", "/v1/subscriptions"
STATUSES = ("active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid")
QUANTITY = whole(1, 999_999)
FEEDBACK = one_of(
    "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive",
    "unused",
)  # fmt: skip
CANCELLATION = fields(comment=text, feedback=FEEDBACK)
PAUSE_COLLECTION = fields(
    "behavior",
    behavior=one_of("keep_as_draft", "mark_uncollectible", "void"),
    resumes_at=INSTANT,
)
TRIAL_SETTINGS = fields(
    "end_behavior",
    end_behavior=fields(
        "missing_payment_method",
        missing_payment_method=one_of("cancel", "create_invoice", "pause"),
    ),
)
PRORATION = one_of("none", "create_prorations", "always_invoice")
CANCEL_AT = either(("", "min_period_end", "max_period_end"), INSTANT)

NEW = fields(
    "customer",
    "items",
    cancel_at=INSTANT,
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
    payment_behavior=one_of("allow_incomplete", "default_incomplete", "error_if_incomplete"),
    trial_end=INSTANT,
    trial_period_days=whole(1, 730),
    trial_settings=TRIAL_SETTINGS,
)
CHANGES = fields(
    cancel_at=CANCEL_AT,
    cancel_at_period_end=flag,
    cancellation_details=CANCELLATION,
    description=text,
    expand=EXPAND,
    items=each(fields(deleted=flag, id=ID, metadata=metadata, price=ID, quantity=QUANTITY)),
    metadata=metadata,
    pause_collection=either(("",), PAUSE_COLLECTION),
    payment_behavior=one_of("allow_incomplete", "error_if_incomplete", "pending_if_incomplete"),
    proration_behavior=PRORATION,
    trial_end=INSTANT,
)
WITH_TRIAL = {"expand", "proration_behavior", "trial_end"}
WITH_PENDING = {"expand", "items", "payment_behavior", "proration_behavior"}
ALLOWED_WHEN_ENDED = {"cancellation_details", "expand", "metadata"}
CANCEL = fields(cancellation_details=CANCELLATION, expand=EXPAND, invoice_now=flag, prorate=flag)
PAUSE = fields(
    bill_for=fields(
        outstanding_usage_through=fields(type=one_of("none", "now")),
        unused_time_from=fields(type=one_of("none")),
    ),
    expand=EXPAND,
    invoicing_behavior=one_of("invoice", "pending_invoice_item"),
    type=one_of("subscription"),
)
ANCHOR = one_of("now", "unchanged")
RESUME = fields(
    billing_cycle_anchor=either(("now", "unchanged"), fields("type", type=ANCHOR)),
    expand=EXPAND,
    payment_behavior=one_of("resume_on_payment_attempt", "resume_on_payment_success"),
    proration_behavior=one_of("none"),
)
FILTERS = listed_by(customer=ID, status=one_of("all", "ended", *STATUSES))


def create(moment: Moment, given: StripeObject) -> StripeObject:
    """As in the Dashboard: without Checkout, and paid by the customer's card, which is good unless marked otherwise."""
    customer = moment.need("customer", given["customer"], param="customer", status=400)
    if not given["items"]:
        raise missing_parameter("items[0]")
    chosen = [_chosen(moment, item, f"items[{index}]") for index, item in enumerate(given["items"])]
    if len({one.price["currency"] for one in chosen}) > 1:
        raise invalid("items", "All prices of a subscription must have the same currency.")
    behavior = given.get("payment_behavior", "allow_incomplete")
    trial_end = _trial_end(moment, given)
    good = card_is_good(moment, customer["id"])
    if behavior == "error_if_incomplete" and not good and trial_end is None:
        raise StripeRefusal(DECLINED, status=402, type="card_error", code="card_declined")
    return subscriptions.start(
        moment,
        customer,
        chosen,
        about=_about(moment, given),
        trial_end=trial_end,
        card_is_good=good,
        ask_now=behavior != "default_incomplete",
    )


def _trial_end(moment: Moment, given: StripeObject) -> int | None:
    if "trial_end" in given and "trial_period_days" in given:
        raise StripeRefusal("You may only specify one of these parameters: trial_end, trial_period_days.")
    if "trial_period_days" in given:
        return int(moment.at + given["trial_period_days"] * DAY_SECONDS)
    return _in_future(moment, "trial_end", given["trial_end"]) if "trial_end" in given else None


def _in_future(moment: Moment, name: str, at: int) -> int:
    if at <= moment.at:
        raise invalid(name, f"`{name}` must be in the future.")
    return at


def _about(moment: Moment, given: StripeObject) -> StripeObject:
    about = {"metadata": merged_metadata({}, given.get("metadata", {})), "description": given.get("description")}
    if "cancel_at" in given:
        about |= {"cancel_at": _in_future(moment, "cancel_at", given["cancel_at"]), "canceled_at": moment.at}
    if "trial_settings" in given:
        about["trial_settings"] = given["trial_settings"]
    return about


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
    if "trial_end" in given:
        return _give_trial(moment, subscription, given)
    if "metadata" in given:
        given = given | {"metadata": merged_metadata(subscription["metadata"], given["metadata"])}
    told = {name: given[name] for name in ("description", "metadata") if name in given}
    exchange = _exchange(moment, given, subscription)
    if exchange.payment == "pending_if_incomplete" and given.keys() - WITH_PENDING:
        unsupported = ", ".join(sorted(given.keys() - WITH_PENDING))
        raise invalid("payment_behavior", f"With pending_if_incomplete you cannot change: {unsupported}.")
    fields = told | _ending(moment, given, subscription) | _collection(moment, given)
    return changes.amend(moment, subscription, fields, exchange)


def _give_trial(moment: Moment, subscription: StripeObject, given: StripeObject) -> StripeObject:
    if beside := ", ".join(sorted(given.keys() - WITH_TRIAL)):
        raise invalid("trial_end", f"The sandbox gives a trial by itself; beside it you cannot change: {beside}.")
    until, proration = _in_future(moment, "trial_end", given["trial_end"]), given.get("proration_behavior")
    return changes.give_trial(moment, subscription, until, prorated=proration != "none")


def _collection(moment: Moment, given: StripeObject) -> StripeObject:
    """Pausing the collection, or (with an empty string) taking it up again."""
    if "pause_collection" not in given:
        return {}
    wanted = given["pause_collection"]
    if not wanted:
        return {"pause_collection": None}
    resumes_at = wanted.get("resumes_at")
    if resumes_at is not None:
        _in_future(moment, "pause_collection[resumes_at]", resumes_at)
    return {"pause_collection": {"behavior": wanted["behavior"], "resumes_at": resumes_at}}


def _exchange(moment: Moment, given: StripeObject, subscription: StripeObject) -> Exchange:
    """Other prices and quantities by item id, items that go, and, without an id, items that come."""
    known = {item["id"]: item for item in subscription["items"]["data"]}
    changed, added, removed = {}, [], set()
    for index, item in enumerate(given.get("items", [])):
        name = f"items[{index}]"
        if "id" not in item:
            added.append(_chosen(moment, _with_price(item, name), name))
        elif item["id"] not in known:
            raise no_such("subscription_item", item["id"], param=f"{name}[id]", status=400)
        elif item.get("deleted"):
            removed.add(item["id"])
        else:
            changed[item["id"]] = _chosen(moment, _kept(known[item["id"]]) | item, name)
    if removed == known.keys() and not added:
        raise invalid("items", "A subscription must have at least one active item.")
    return Exchange(
        changed,
        frozenset(removed),
        added,
        given.get("proration_behavior", "create_prorations"),
        given.get("payment_behavior", "allow_incomplete"),
    )


def _with_price(item: StripeObject, name: str) -> StripeObject:
    if "price" not in item:
        raise missing_parameter(f"{name}[price]")
    return item


def _kept(item: StripeObject) -> StripeObject:
    return {"price": item["price"]["id"], "quantity": item["quantity"], "metadata": item["metadata"]}


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
    return _in_future(moment, "cancel_at", wanted)


def cancel(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    """At once. One that has ended is not there for this endpoint; nothing is pending, so nothing is left to invoice."""
    subscription = moment.need(KIND, id)
    if subscription["status"] in ENDED:
        raise no_such(KIND, id)
    told = {"reason": "cancellation_requested"} | given.get("cancellation_details", {})
    return standing.end(moment, subscription, details=subscription["cancellation_details"] | told)


def pause(moment: Moment, _: StripeObject, id: str) -> StripeObject:
    """No service and no invoices; the unused time is not credited."""
    return pauses.pause(moment, moment.need(KIND, id))


def resume(moment: Moment, given: StripeObject, id: str) -> StripeObject:
    anchor = given.get("billing_cycle_anchor", "now")
    behavior = given.get("payment_behavior", "resume_on_payment_attempt")
    return pauses.resume(
        moment,
        moment.need(KIND, id),
        anchor_now=(anchor if isinstance(anchor, str) else anchor["type"]) == "now",
        only_when_paid=behavior == "resume_on_payment_success",
    )


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
