"""Whose signature a delivery has and how old it is (AB-16 to AB-20), and which few fields are read of it."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from stripe import WebhookSignature

from adapters.stripe.billing import StripeBilling
from application.ports.deliveries import Delivery, EventMalformed, SignatureInvalid
from tests.adapters.stripe.faulty import Headlong

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD, NEW = "whsec_old", "whsec_new"
RENEWED: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.subscription.updated",
    "created": 1_795_000_000,
    "livemode": True,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_alice"}},
}
BODY = msgspec.json.encode(RENEWED)


def stripe(*secrets: str, livemode: bool = True) -> StripeBilling:
    return StripeBilling("sk_live_x", secrets or [NEW], livemode=livemode, pace=Headlong())


def mac(body: bytes, secret: str, at: datetime = NOW) -> str:
    return hmac.new(secret.encode(), b"%d." % at.timestamp() + body, hashlib.sha256).hexdigest()


def signed(body: bytes, secret: str = NEW, at: datetime = NOW) -> dict[str, str]:
    return {"stripe-signature": f"t={at.timestamp():.0f},v1={mac(body, secret, at)}"}


def received(event: Mapping[str, Any], *, livemode: bool = True) -> Delivery:
    body = msgspec.json.encode(event)
    return stripe(livemode=livemode).verify(body, signed(body), now=NOW)


def about(obj: object, type: str = "invoice.paid") -> dict[str, Any]:
    return RENEWED | {"type": type, "data": {"object": obj}}


def test_a_delivery_is_what_was_signed() -> None:
    assert stripe().verify(BODY, signed(BODY), now=NOW) == Delivery(
        provider="stripe",
        event_id="evt_1",
        type="customer.subscription.updated",
        customer_id="cus_alice",
        livemode=True,
        api_version="2026-10-28.endive",
        created_at=datetime.fromtimestamp(1_795_000_000, UTC),
        body=BODY,
    )


def test_the_sdk_signs_as_the_test_does() -> None:
    header = WebhookSignature.generate_signature_header(BODY.decode(), NEW, int(NOW.timestamp()))

    assert {"stripe-signature": header} == signed(BODY)


@pytest.mark.parametrize("name", ["stripe-signature", "Stripe-Signature", "STRIPE-SIGNATURE"])
def test_the_headers_name_is_read_in_any_case(name: str) -> None:
    headers = {"content-type": "application/json", name: signed(BODY)["stripe-signature"]}

    assert stripe().verify(BODY, headers, now=NOW).event_id == "evt_1"


T = f"t={NOW.timestamp():.0f}"
GOOD = mac(BODY, NEW)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"stripe-signature": ""}, id="empty"),
        pytest.param({"stripe-signature": T}, id="no signature"),
        pytest.param({"stripe-signature": f"v1={GOOD}"}, id="no time"),
        pytest.param({"stripe-signature": f"{T},v1="}, id="an empty signature"),
        pytest.param({"stripe-signature": f"{T},v0={GOOD}"}, id="another scheme only"),
        pytest.param({"stripe-signature": f"{T},v1={mac(BODY, '')}"}, id="an empty key"),
        pytest.param({"stripe-signature": f"{T},v1={mac(BODY, OLD)}"}, id="another key"),
        pytest.param({"stripe-signature": f"{T},v1={GOOD[:-1]}"}, id="cut"),
        pytest.param({"stripe-signature": f"{T},v1={GOOD[:-1]}é"}, id="not ascii"),
        pytest.param({"stripe-signature": f"t=now,v1={GOOD}"}, id="no number"),
        pytest.param({"stripe-signature": f"t=\u0661\u0662,v1={GOOD}"}, id="a number in another script"),
        pytest.param({"stripe-signature": f"t={'9' * 5000},v1={GOOD}"}, id="a number without end"),
        pytest.param({"stripe-signature": f"t=-1,v1={GOOD}"}, id="before 1970"),
        pytest.param({"stripe-signature": f"{T},{T},v1={GOOD}"}, id="two times"),
        pytest.param({"stripe-signature": ",,=,==;\x00"}, id="garbage"),
        pytest.param({"authorization": signed(BODY)["stripe-signature"]}, id="another header"),
    ],
)
def test_without_a_good_signature_nothing_is_taken(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid):
        stripe().verify(BODY, headers, now=NOW)


def test_an_old_time_is_not_made_new_by_a_second_one() -> None:
    old = NOW - timedelta(days=1)
    header = f"t=+{old.timestamp():.0f},{T},v1={mac(BODY, NEW, old)}"

    with pytest.raises(SignatureInvalid):
        stripe().verify(BODY, {"stripe-signature": header}, now=NOW)


def test_the_bytes_count_and_not_what_they_say() -> None:
    written_anew = msgspec.json.format(BODY, indent=2)

    assert msgspec.json.decode(written_anew) == RENEWED
    with pytest.raises(SignatureInvalid):
        stripe().verify(written_anew, signed(BODY), now=NOW)


@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-300, True), (10, True), (300, True), (301, False)])
def test_a_signature_is_good_for_five_minutes_both_ways(seconds: int, *, good: bool) -> None:
    headers = signed(BODY, at=NOW + timedelta(seconds=seconds))

    if good:
        assert stripe().verify(BODY, headers, now=NOW).event_id == "evt_1"
    else:
        with pytest.raises(SignatureInvalid, match="too long ago, or in the future"):
            stripe().verify(BODY, headers, now=NOW)


def test_the_time_that_counts_is_the_one_that_is_handed_in() -> None:
    in_ten_years = NOW + timedelta(days=3650)

    assert stripe().verify(BODY, signed(BODY, at=in_ten_years), now=in_ten_years).event_id == "evt_1"
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert stripe().verify(BODY, signed(BODY), now=elsewhere).event_id == "evt_1"


def test_while_a_secret_is_replaced_both_are_good_and_then_only_the_new_one() -> None:
    rolling = stripe(NEW, OLD)
    assert rolling.verify(BODY, signed(BODY, OLD), now=NOW) == rolling.verify(BODY, signed(BODY, NEW), now=NOW)
    twice = {"stripe-signature": f"{T},v1={mac(BODY, OLD)},v1={mac(BODY, NEW)},v0=0"}

    assert stripe(NEW).verify(BODY, twice, now=NOW).event_id == "evt_1"
    with pytest.raises(SignatureInvalid):
        stripe(NEW).verify(BODY, signed(BODY, OLD), now=NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["  "], ["whsec_"], [" whsec_ "], [NEW, ""], [NEW, "whsec_"]])
def test_with_an_empty_secret_there_is_no_stripe(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        StripeBilling("sk_live_x", secrets, livemode=True, pace=Headlong())


@pytest.mark.parametrize("livemode", [True, False])
def test_an_event_of_the_other_mode_is_taken_and_names_nobody(*, livemode: bool) -> None:
    delivery = received(RENEWED | {"livemode": livemode}, livemode=not livemode)

    assert (delivery.event_id, delivery.livemode, delivery.customer_id) == ("evt_1", livemode, None)


@pytest.mark.parametrize(
    ("obj", "customer_id"),
    [
        pytest.param({"object": "invoice", "id": "in_1", "customer": "cus_1"}, "cus_1", id="by id"),
        pytest.param({"object": "invoice", "customer": {"id": "cus_1", "object": "customer"}}, "cus_1", id="expanded"),
        pytest.param({"object": "customer", "id": "cus_1", "deleted": True}, "cus_1", id="the customer itself"),
        pytest.param({"object": "checkout.session", "id": "cs_1", "customer": None}, None, id="none"),
        pytest.param({"object": "price", "id": "price_1"}, None, id="of nobody"),
        pytest.param({"object": "invoice", "customer": ["cus_1"]}, None, id="in a shape of the future"),
        pytest.param({"object": "invoice", "customer": ""}, None, id="empty"),
        pytest.param("sub_1", None, id="no object"),
        pytest.param(None, None, id="null"),
    ],
)
def test_whom_an_event_is_about(obj: object, customer_id: str | None) -> None:
    assert received(about(obj)).customer_id == customer_id


@pytest.mark.parametrize("name", ["\\u0000 Bobby", "\\\\u0000", "\0", "Bobby\0"])
def test_a_nul_in_a_name_is_kept_and_so_is_what_only_looks_like_one(name: str) -> None:
    """The body is kept as the bytes that came; only its columns of text cannot hold one."""
    delivery = received(about({"object": "invoice", "customer": "cus_1", "customer_name": name}))

    assert delivery.customer_id == "cus_1"
    assert msgspec.json.decode(delivery.body)["data"]["object"]["customer_name"] == name


@pytest.mark.parametrize("type", ["invoice.paid", "customer.subscription.enchanted", "a.type.of.2031"])
def test_every_type_is_taken(type: str) -> None:
    assert received(RENEWED | {"type": type}).type == type


def test_every_api_version_is_taken() -> None:
    assert received(RENEWED | {"api_version": "2020-03-02"}).api_version == "2020-03-02"
    assert received(RENEWED | {"api_version": None}).api_version is None


def test_a_thin_event_is_taken_and_names_nobody_yet() -> None:
    delivery = received(
        {
            "id": "evt_test_65U",
            "object": "v2.core.event",
            "type": "v1.customer.subscription.updated",
            "created": "2026-11-20T11:59:58.250Z",
            "livemode": True,
            "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"},
        }
    )

    assert (delivery.event_id, delivery.type) == ("evt_test_65U", "v1.customer.subscription.updated")
    assert (delivery.customer_id, delivery.api_version) == (None, None)
    assert delivery.created_at == datetime(2026, 11, 20, 11, 59, 58, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not json", id="no json"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no fields"),
        pytest.param(msgspec.json.encode(RENEWED | {"id": ""}), id="no id"),
        pytest.param(msgspec.json.encode(RENEWED | {"livemode": "true"}), id="a mode that is a word"),
        pytest.param(msgspec.json.encode(RENEWED | {"created": 10**15}), id="a time after all times"),
        pytest.param(
            msgspec.json.encode(RENEWED | {"created": "9999-12-31T23:59:59-23:59"}), id="a time of day after all times"
        ),
        pytest.param(BODY[:-1], id="cut"),
        pytest.param(b'{"a":' * 50_000, id="a deep one"),
        pytest.param(msgspec.json.encode(RENEWED | {"id": "evt_\0"}), id="a NUL in its id"),
        pytest.param(msgspec.json.encode(RENEWED | {"type": "invoice.\0"}), id="a NUL in its type"),
        pytest.param(msgspec.json.encode(RENEWED | {"api_version": "\0"}), id="a NUL in its version"),
        pytest.param(
            msgspec.json.encode(RENEWED | {"data": {"object": {"customer": "cus_\0"}}}), id="a NUL in its customer"
        ),
    ],
)
def test_what_is_signed_and_still_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(EventMalformed):
        stripe().verify(body, signed(body), now=NOW)


def test_a_body_that_is_no_text_is_signed_by_nobody() -> None:
    with pytest.raises(SignatureInvalid):
        stripe().verify(b"\xff\xfe", signed(b"\xff\xfe"), now=NOW)
