"""A Stripe that fails: what is tried again, what is put off, and what is refused, without a word of our keys."""

import re
import socket
import time
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from adapters.stripe.asking import PAGES_MAX
from adapters.stripe.billing import StripeBilling
from adapters.stripe.transport import REFUSED_PAUSES_SECONDS
from adapters.tracing.unrecorded import UnrecordedSpans
from application.errors import CustomerGone, ProviderBusy, ProviderRefused, ProviderUnavailable
from application.ports.billing import CustomerTruth
from application.tracing import begin
from tests.adapters.stripe.faulty import Answer, FaultyStripe, Headlong, error

pytestmark = pytest.mark.anyio

ALICE = UUID("a11ce000-0000-4000-8000-000000000001")
CUSTOMER = Answer(body={"id": "cus_1", "object": "customer"})
NOTHING = {"object": "list", "data": [], "has_more": False, "url": "/v1/invoices"}


async def create_alice(billing: StripeBilling) -> str:
    return await billing.create_customer(account_id=ALICE, email=None, idempotency_key="customer-alice")


async def test_what_fails_twice_is_done_at_the_third_try_under_one_key(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    faulty.will(error(500), error(503), CUSTOMER)

    assert await create_alice(troubled) == "cus_1"
    assert [asked.idempotency_key for asked in faulty.requests] == ["customer-alice"] * 3


async def test_what_is_asked_because_of_a_request_goes_on_with_its_trace(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    faulty.will(CUSTOMER)

    request = begin(UnrecordedSpans(), "POST", kind="server", notes={})
    await create_alice(troubled)
    request.end()
    await create_alice(troubled)

    assert [asked.traceparent for asked in faulty.requests] == [request.trace.traceparent, None]


@pytest.mark.parametrize("answer", [error(500), error(409, code="lock_timeout")], ids=["broken", "locked"])
async def test_what_does_not_get_better_is_put_off_after_three_tries(
    troubled: StripeBilling, faulty: FaultyStripe, answer: Answer
) -> None:
    faulty.will(answer)

    with pytest.raises(ProviderUnavailable):
        await create_alice(troubled)

    assert len(faulty.requests) == 3


async def test_a_stripe_that_is_too_slow_is_put_off_after_three_tries(faulty: FaultyStripe) -> None:
    faulty.will(Answer(after_seconds=2, body={"id": "cus_late", "object": "customer"}))
    impatient = StripeBilling(
        "sk_test_x", ["whsec_x"], api_base=faulty.url, livemode=False, pace=Headlong(), timeout_seconds=0.1
    )
    began = time.monotonic()

    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await create_alice(impatient)

    assert time.monotonic() - began < 5
    await impatient.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(error(400, code="rate_limit"), id="too many requests, the old way"),
        pytest.param(error(500, stripe_should_retry="false"), id="told not to try again"),
        pytest.param(Answer(body=b"<html>Welcome to the hotel's network</html>"), id="another server"),
        pytest.param(Answer(body=[]), id="no object"),
    ],
)
async def test_what_trying_again_at_once_would_not_help_is_put_off(
    troubled: StripeBilling, faulty: FaultyStripe, answer: Answer
) -> None:
    faulty.will(answer)

    with pytest.raises(ProviderUnavailable):
        await create_alice(troubled)

    assert len(faulty.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_answer_sends_our_key_elsewhere(troubled: StripeBilling, faulty: FaultyStripe, status: int) -> None:
    faulty.will(Answer(status, {}, headers={"Location": f"{faulty.url}/elsewhere"}))

    with pytest.raises(ProviderUnavailable):
        await create_alice(troubled)

    assert {asked.path for asked in faulty.requests} == {"/v1/customers"}


@pytest.fixture
async def paced(faulty: FaultyStripe) -> AsyncIterator[tuple[StripeBilling, Headlong]]:
    pace = Headlong()
    billing = StripeBilling("sk_test_x", ["whsec_x"], api_base=faulty.url, livemode=False, pace=pace)
    yield billing, pace
    await billing.close()


async def test_the_one_request_that_was_too_many_is_sent_again(
    paced: tuple[StripeBilling, Headlong], faulty: FaultyStripe
) -> None:
    billing, pace = paced
    faulty.will(error(429, code="rate_limit"), CUSTOMER)

    assert await create_alice(billing) == "cus_1"

    assert (len(faulty.requests), pace.slowed) == (2, 1)
    assert len({asked.idempotency_key for asked in faulty.requests}) == 1


async def test_where_every_request_is_too_many_it_is_put_off_after_some_seconds(
    paced: tuple[StripeBilling, Headlong], faulty: FaultyStripe
) -> None:
    billing, pace = paced
    faulty.will(error(429, code="rate_limit"))

    with pytest.raises(ProviderBusy):
        await create_alice(billing)

    tries = len(REFUSED_PAUSES_SECONDS) + 1
    assert (len(faulty.requests), pace.slowed) == (tries, tries)


async def test_where_stripe_wants_more_patience_it_is_not_asked_again(
    paced: tuple[StripeBilling, Headlong], faulty: FaultyStripe
) -> None:
    billing, _ = paced
    faulty.will(error(429, code="rate_limit", retry_after="30"))

    with pytest.raises(ProviderBusy):
        await create_alice(billing)

    assert len(faulty.requests) == 1


async def test_a_stripe_that_is_not_there_is_put_off() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        billing = StripeBilling("sk_test_x", ["whsec_x"], api_base=base, livemode=False, pace=Headlong())
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            await create_alice(billing)
        await billing.close()


async def test_a_refusal_gives_the_reason_and_no_key(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    faulty.will(error(400, "Invalid API Key provided: sk_test_of_ours", request_id="req_7"))

    with pytest.raises(ProviderRefused) as refused:
        await create_alice(troubled)

    assert str(refused.value) == "Stripe refused (status 400, req_7): Invalid API Key provided: [key]"


@pytest.mark.parametrize(
    "said",
    [
        "Invalid email address: anna@example.com",
        "Invalid string: anna@example.com and more; must be at most 512 characters",
        "The number +48 600 733 911 of (anna@example.com) is no number.",
    ],
)
async def test_a_refusal_repeats_no_address_and_what_is_kept_of_it_is_not_stripes_sentence(
    troubled: StripeBilling, faulty: FaultyStripe, said: str
) -> None:
    faulty.will(error(400, said, code="email_invalid", request_id="req_7"))

    with pytest.raises(ProviderRefused) as refused:
        await create_alice(troubled)

    assert refused.value.kept == "Stripe refused (status 400, req_7): email_invalid"
    assert "[hidden]" in str(refused.value)
    assert not {"anna", "733", "more"} & set(re.findall(r"\w+", str(refused.value)))


@pytest.mark.parametrize("status", [400, 402, 404, 422])
async def test_a_refusal_is_not_tried_again(troubled: StripeBilling, faulty: FaultyStripe, status: int) -> None:
    faulty.will(error(status, "Your card was declined."))

    with pytest.raises(ProviderRefused, match="Your card was declined"):
        await create_alice(troubled)

    assert len(faulty.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_not_accepted_is_an_outage(
    troubled: StripeBilling, faulty: FaultyStripe, status: int
) -> None:
    faulty.will(error(status, "Invalid API Key provided: sk_test_of_ours", request_id="req_7"))

    with pytest.raises(ProviderUnavailable) as trouble:
        await create_alice(troubled)

    assert str(trouble.value) == f"Stripe does not accept our key (status {status}, req_7)."


async def test_a_customer_who_is_gone_is_told_from_other_refusals(
    troubled: StripeBilling, faulty: FaultyStripe
) -> None:
    for message, is_gone in (("No such customer: 'cus_1'", True), ("No such price: 'price_1'", False)):
        faulty.will(error(404, message, code="resource_missing"))
        with pytest.raises(ProviderRefused) as refused:
            await troubled.truth_of("cus_1")
        assert isinstance(refused.value, CustomerGone) is is_gone


async def test_a_customer_who_was_deleted_is_there_no_more(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    faulty.will(Answer(body={"id": "cus_1", "object": "customer", "deleted": True}))

    assert not await troubled.has_customer("cus_1")


@pytest.mark.parametrize("deleted", [True, False])
async def test_why_a_customer_is_gone_is_asked_of_stripe(
    troubled: StripeBilling, faulty: FaultyStripe, *, deleted: bool
) -> None:
    faulty.will(error(400, "No such customer: 'cus_1'", code="resource_missing"))
    if deleted:
        faulty.places["/v1/customers/cus_1"] = Answer(body={"id": "cus_1", "object": "customer", "deleted": True})

    with pytest.raises(CustomerGone) as by_asking:
        await troubled.truth_of("cus_1")
    with pytest.raises(CustomerGone) as at_the_portal:
        await troubled.open_portal("cus_1", return_url="https://streamly.example")
    with pytest.raises(CustomerGone) as at_the_till:
        await troubled.open_checkout(
            checkout_id=ALICE,
            account_id=ALICE,
            customer_id="cus_1",
            price_id="price_1",
            recurring=True,
            trial_days=0,
            success_url="https://streamly.example",
            cancel_url="https://streamly.example",
            idempotency_key="checkout-1",
        )

    assert [gone.value.deleted for gone in (by_asking, at_the_portal, at_the_till)] == [deleted] * 3


@pytest.mark.parametrize("answer", [error(500), Answer(after_seconds=5, body=NOTHING)], ids=["broken", "hanging"])
async def test_who_has_little_patience_asks_each_thing_once(
    troubled: StripeBilling, faulty: FaultyStripe, answer: Answer
) -> None:
    faulty.will(answer)
    began = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        await troubled.truth_of("cus_1", within_seconds=0.3)

    assert time.monotonic() - began < 2
    assert 1 <= len(faulty.requests) <= 4
    assert len({asked.path for asked in faulty.requests}) == len(faulty.requests)


async def test_a_refusal_in_no_known_shape_shows_nothing_of_it(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    faulty.will(Answer(402, {"secret": "of a proxy"}))

    with pytest.raises(ProviderRefused) as refused:
        await create_alice(troubled)

    assert "of a proxy" not in str(refused.value)


async def test_a_truth_that_cannot_be_read_is_none(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    strange = {"id": "sub_1", "object": "subscription", "status": "active", "start_date": "last summer"}
    faulty.will(Answer(body=NOTHING | {"data": [strange]}))

    with pytest.raises(ProviderUnavailable, match="start_date"):
        await troubled.truth_of("cus_1")


@pytest.mark.parametrize("body", [{}, [], {"object": "list"}, {"object": "customer", "id": "cus_1"}])
async def test_what_is_no_list_is_no_truth(troubled: StripeBilling, faulty: FaultyStripe, body: object) -> None:
    faulty.will(Answer(body=body))

    with pytest.raises(ProviderUnavailable):
        await troubled.truth_of("cus_1")


async def test_half_a_truth_is_none(troubled: StripeBilling, faulty: FaultyStripe) -> None:
    faulty.will(Answer(body=NOTHING), Answer(body=NOTHING), error(400))

    with pytest.raises(ProviderRefused):
        await troubled.truth_of("cus_1")


async def test_pages_without_end_are_read_to_a_limit(
    troubled: StripeBilling, faulty: FaultyStripe, caplog: pytest.LogCaptureFixture
) -> None:
    session = {"id": "cs_1", "object": "checkout.session", "status": "open", "client_reference_id": "not ours"}
    more = Answer(body=NOTHING | {"url": "/v1/checkout/sessions", "data": [session], "has_more": True})
    faulty.will(Answer(body=NOTHING))
    faulty.places["/v1/checkout/sessions"] = more

    assert await troubled.truth_of("cus_1") == CustomerTruth((), (), ())

    assert len(faulty.requests) == 3 + PAGES_MAX
    assert "only the newest 10 were read" in caplog.text


def test_without_a_key_there_is_no_stripe() -> None:
    with pytest.raises(ValueError, match="secret key"):
        StripeBilling(" ", ["whsec_x"], livemode=False, pace=Headlong())
