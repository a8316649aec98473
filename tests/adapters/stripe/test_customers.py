"""Whom an event of Stripe's is about: said at once, found by asking, or nobody's; and Stripe's long lists."""

import json
from typing import Any

import pytest

from adapters.stripe.billing import StripeBilling
from adapters.stripe.webhooks import delivery
from application.errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from tests.adapters.stripe.faulty import Answer, FaultyStripe, error
from tests.adapters.stripe.simulated import SimulatedStripe, at
from tests.adapters.stripe.test_truth import Till

pytestmark = pytest.mark.anyio


def snapshot(about: dict[str, Any], *, type: str = "refund.created", **more: Any) -> bytes:
    event = {"id": "evt_1", "object": "event", "type": type, "livemode": False, "created": 1_700_000_000}
    return json.dumps(event | {"data": {"object": about} | more}).encode()


def thin(type: str = "v1.customer.subscription.updated", **more: Any) -> bytes:
    event = {"id": "evt_2", "object": "v2.core.event", "type": type, "livemode": False}
    return json.dumps(event | {"created": "2026-11-20T12:00:00.000Z"} | more).encode()


def related(id: str, type: str, url: str) -> dict[str, Any]:
    return {"related_object": {"id": id, "type": type, "url": url}}


OF_ANNA = Answer(body={"id": "pi_1", "object": "payment_intent", "customer": "cus_anna"})
SUBSCRIPTION = related("sub_1", "subscription", "/v1/subscriptions/sub_1")

SAID = {
    "its own field": snapshot({"object": "subscription", "customer": "cus_anna"}),
    "an expanded field": snapshot({"object": "invoice", "customer": {"id": "cus_anna", "object": "customer"}}),
    "the customer itself, deleted": snapshot({"object": "customer", "id": "cus_anna", "deleted": True}),
    "entitlements": snapshot({"object": "entitlements.active_entitlement_summary", "customer": "cus_anna"}),
    "a type that nobody knows": snapshot({"object": "moon_phase", "customer": "cus_anna"}, type="moon.waxed"),
    "what it was before": snapshot(
        {"object": "payment_method", "id": "pm_1", "customer": None}, previous_attributes={"customer": "cus_anna"}
    ),
    "beside fields of other types": snapshot(
        {
            "object": "invoice",
            "id": 5,
            "customer": "cus_anna",
            "subscription": True,
            "invoice": ["in_1"],
            "charge": {"amount": 3},
            "payment": "py_1",
        }
    ),
    "beside a number without end": snapshot({"object": "x", "customer": "cus_anna", "id": 7, "n": 10**400}),
    "beside a related object that is a word": snapshot({"customer": "cus_anna"}, related_object="sub_1"),
    "beside what it was before in another type": snapshot(
        {"object": "x", "customer": "cus_anna"}, previous_attributes={"customer": 5}
    ),
    "beside no kind at all": snapshot({"object": None, "customer": "cus_anna"}),
    "a thin event about the customer": thin(
        "v1.customer.updated", **related("cus_anna", "customer", "/v1/customers/x")
    ),
}


@pytest.mark.parametrize("body", SAID.values(), ids=SAID.keys())
async def test_an_event_that_says_it_needs_no_question(
    troubled: StripeBilling, faulty: FaultyStripe, body: bytes
) -> None:
    told = delivery(body, livemode=False)

    assert (told.customer_id, told.to_find) == ("cus_anna", False)
    assert await troubled.customer_of(body) == "cus_anna"
    assert faulty.requests == []


TO_FIND = {
    "refund": (snapshot({"object": "refund", "charge": "ch_1", "payment_intent": "pi_1"}), "/v1/payment_intents/pi_1"),
    "dispute": (snapshot({"object": "dispute", "charge": "ch_1"}), "/v1/charges/ch_1"),
    "early fraud warning": (
        snapshot({"object": "radar.early_fraud_warning", "charge": {"id": "ch_1"}}),
        "/v1/charges/ch_1",
    ),
    "invoice payment": (
        snapshot({"object": "invoice_payment", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}}),
        "/v1/payment_intents/pi_1",
    ),
    "credit note": (snapshot({"object": "credit_note", "invoice": "in_1"}), "/v1/invoices/in_1"),
    "thin": (thin(**SUBSCRIPTION), "/v1/subscriptions/sub_1"),
}


@pytest.mark.parametrize(("body", "path"), TO_FIND.values(), ids=TO_FIND.keys())
async def test_else_what_it_names_is_asked_for(
    troubled: StripeBilling, faulty: FaultyStripe, body: bytes, path: str
) -> None:
    faulty.will(OF_ANNA)
    told = delivery(body, livemode=False)

    assert (told.customer_id, told.to_find) == (None, True)
    assert await troubled.customer_of(body) == "cus_anna"
    assert [request.path for request in faulty.requests] == [path]


async def test_one_thing_leads_to_the_next(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    faulty.will(
        error(404, "No such payment_intent."),
        Answer(body={"id": "ch_1", "object": "charge", "customer": None, "invoice": "in_1"}),
        OF_ANNA,
    )

    refund = snapshot({"object": "refund", "charge": "ch_1", "payment_intent": "pi_1"})
    assert await troubled.customer_of(refund) == "cus_anna"
    assert [request.path for request in faulty.requests][-2:] == ["/v1/charges/ch_1", "/v1/invoices/in_1"]


async def test_a_thin_event_whose_object_is_gone_is_looked_up_in_the_other_style(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    faulty.will(error(404), Answer(body=SAID["its own field"]))

    assert await troubled.customer_of(thin(**SUBSCRIPTION, snapshot_event="evt_1")) == "cus_anna"
    assert [request.path for request in faulty.requests] == ["/v1/subscriptions/sub_1", "/v1/events/evt_1"]


async def test_a_guest_who_paid_for_an_account_is_said_to_be_one(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    paid = {"object": "checkout.session", "id": "cs_1", "status": "complete", "customer": None}
    for_anna = paid | {"client_reference_id": "a11ce000-0000-4000-8000-000000000001", "payment_intent": "pi_1"}

    with pytest.raises(ProviderRefused, match=r"A guest paid at cs_1"):
        await troubled.customer_of(snapshot(for_anna, type="checkout.session.completed"))

    assert faulty.requests == []
    assert await troubled.customer_of(snapshot(paid | {"client_reference_id": "order 7"})) is None


async def test_where_nobody_is_named_the_reason_is_told_and_the_questions_end(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    faulty.will(*(Answer(body={"object": "charge", "charge": f"ch_{number}"}) for number in range(2, 9)))

    with pytest.raises(ProviderRefused, match="names no customer at /v1/charges/ch_1, /v1/charges/ch_2"):
        await troubled.customer_of(snapshot({"object": "dispute", "charge": "ch_1"}))
    assert len(faulty.requests) == 4


async def test_what_leads_to_a_guest_alone_is_nobodys(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    """All that could know the customer has been given, and has none: to ask again would tell no more."""
    faulty.will(Answer(body={"id": "pi_1", "object": "payment_intent", "customer": None}))

    assert (
        await troubled.customer_of(snapshot({"object": "charge", "customer": None, "payment_intent": "pi_1"})) is None
    )


async def test_what_is_not_there_yet_may_still_be_somebodys(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    faulty.will(error(404, "No such payment_intent: 'pi_1'", code="resource_missing"))

    with pytest.raises(ProviderRefused, match="No such payment_intent"):
        await troubled.customer_of(snapshot({"object": "charge", "customer": None, "payment_intent": "pi_1"}))


async def test_an_object_with_fields_of_other_types_leads_on_by_the_rest(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    faulty.will(Answer(body={"id": 5, "object": "charge", "invoice": [], "customer": "cus_anna"}))

    assert await troubled.customer_of(snapshot({"object": "dispute", "charge": "ch_1"})) == "cus_anna"


NOBODYS = {
    "a price": snapshot({"object": "price", "id": "price_1"}, type="price.updated"),
    "a balance": snapshot({"object": "balance"}, type="balance.available"),
    "no object": snapshot({}, type="unheard.of"),
    "of the second version": thin("v2.core.account.updated", **related("acct_1", "v2.core.account", "/v2/core/a/b")),
    "a price, told by a thin event": thin(
        "v1.price.updated", **related("price_1", "price", "/v1/prices/price_1"), snapshot_event="evt_1"
    ),
    "another host": thin(**related("sub_1", "subscription", "https://evil.example/v1/subscriptions/sub_1")),
    "another place": thin(**related("sub_1", "subscription", "/v1/../v2/subscriptions/sub_1")),
    "a strange id": snapshot({"object": "refund", "charge": "../customers/cus_1?expand[]=x"}),
}


@pytest.mark.parametrize("body", NOBODYS.values(), ids=NOBODYS.keys())
async def test_what_is_nobodys_is_done_without_a_question(
    troubled: StripeBilling, faulty: FaultyStripe, body: bytes
) -> None:
    told = delivery(body, livemode=False)

    assert (told.customer_id, told.to_find) == (None, False)
    assert await troubled.customer_of(body) is None
    assert faulty.requests == []


async def test_of_the_other_mode_nobody_is_asked(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    body = TO_FIND["refund"][0].replace(b'"livemode": false', b'"livemode": true')

    told = delivery(body, livemode=False)
    assert (told.customer_id, told.to_find, told.events_lost) == (None, False, False)
    assert await troubled.customer_of(body) is None
    assert faulty.requests == []


async def test_stripe_tells_that_it_lost_events() -> None:
    resolved = thin("v2.core.health.event_generation_failure.resolved", data={"developer_message_summary": "..."})

    told = delivery(resolved, livemode=False)
    assert (told.events_lost, told.to_find) == (True, False)
    assert not delivery(resolved, livemode=True).events_lost
    assert not delivery(thin(**SUBSCRIPTION), livemode=False).events_lost


async def test_too_many_questions_are_another_thing_than_an_outage(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    for headers, patience in (({}, 2), ({"retry_after": "7"}, 7), ({"retry_after": "99999"}, 60)):
        faulty.will(error(429, "Too many requests.", code="rate_limit", **headers))
        with pytest.raises(ProviderBusy) as busy:
            await troubled.truth_of("cus_anna")
        assert busy.value.retry_after_seconds == patience

    faulty.will(error(500))
    with pytest.raises(ProviderUnavailable) as down:
        await troubled.customer_of(TO_FIND["refund"][0])
    assert not isinstance(down.value, ProviderBusy)


async def test_undelivered_events_come_page_by_page_as_they_were_made(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    event, strange = json.loads(SAID["its own field"]), {"id": "evt_0", "object": "event"}
    faulty.will(
        Answer(body={"data": [event | {"id": "evt_9"}, event | {"id": "evt_8"}, strange], "has_more": True}),
        Answer(body={"data": [event], "has_more": False}),
    )

    first = await troubled.undelivered_events(since=at("2026-01-01T00:00:00"), after=None)
    then = await troubled.undelivered_events(since=at("2026-01-01T00:00:00"), after=first.following)

    assert [(one.event_id, one.customer_id) for one in first.deliveries] == [
        ("evt_9", "cus_anna"),
        ("evt_8", "cus_anna"),
    ]
    assert json.loads(first.deliveries[0].body) == event | {"id": "evt_9"}
    assert (first.following, [one.event_id for one in then.deliveries], then.following) == ("evt_0", ["evt_1"], None)
    assert [asked.query["delivery_success"].lower() for asked in faulty.requests] == ["false"] * 2
    assert faulty.requests[0].query["created[gte]"] == str(int(at("2026-01-01T00:00:00").timestamp()))


async def test_subscribers_come_page_by_page_with_those_whose_subscription_is_over(
    billing: StripeBilling, simulated: SimulatedStripe
) -> None:
    till = Till(billing, simulated)
    await till.buy()
    await billing.cancel((await till.subscription()).reference, at_period_end=False, idempotency_key="x")

    assert (await billing.subscribers(after=None)).customer_ids == (till.customer,)


async def test_the_next_page_of_subscribers_begins_where_the_last_one_ended(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    faulty.will(
        Answer(
            body={
                "data": [{"id": "sub_1", "customer": "cus_1"}, {"id": "sub_2", "customer": {"id": "cus_2"}}],
                "has_more": True,
            }
        ),
    )

    page = await troubled.subscribers(after=None)

    assert (page.customer_ids, page.following) == (("cus_1", "cus_2"), "sub_2")


async def test_the_next_page_of_buyers_begins_where_the_last_one_ended(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    sold_once = {"id": "cs_1", "mode": "payment", "customer": "cus_1"}
    faulty.will(Answer(body={"data": [sold_once, sold_once | {"id": "cs_2", "customer": None}], "has_more": True}))

    page = await troubled.buyers(after=None)

    assert (page.customer_ids, page.following) == (("cus_1",), "cs_2")
