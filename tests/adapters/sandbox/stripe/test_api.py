"""The manners of Stripe's API: keys, parameters, errors, idempotency, pages and expansion."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Clock, Sandbox, plain, unix

KEY = {"Authorization": "Bearer sk_test_anything"}


def post(sandbox: Sandbox, path: str, form: Any = None, **headers: str) -> httpx.Response:
    return sandbox.http.post(f"/v1{path}", data=form or {}, headers=KEY | headers)


def test_a_customer_is_made_found_and_changed(sandbox: Sandbox, clock: Clock) -> None:
    made = sandbox.api.customers.create({"email": "alice@example.org", "metadata": {"account": "a1", "old": "x"}})
    sandbox.api.customers.create({"email": "bob@example.org"})
    clock.pass_(days=1)

    changed = sandbox.api.customers.update(made.id, {"name": "Alice", "metadata": {"old": "", "new": "y"}})

    assert (changed.name, changed.email, changed.created) == ("Alice", "alice@example.org", made.created)
    assert plain(changed.metadata) == {"account": "a1", "new": "y"}
    assert [one.id for one in sandbox.api.customers.list({"email": "alice@example.org"}).data] == [made.id]
    assert sandbox.api.customers.retrieve(made.id).name == "Alice"
    event = sandbox.happened()[-1]
    assert (event.type, event.created) == ("customer.updated", unix(clock.now))
    assert plain(event.data.previous_attributes) == {
        "name": None,
        "metadata": {"old": "x", "new": None},
    }


def test_metadata_and_text_are_taken_away_by_empty_strings(sandbox: Sandbox) -> None:
    made = sandbox.api.customers.create({"name": "Alice", "metadata": {"a": "1"}})

    changed = sandbox.api.customers.update(made.id, {"name": "", "metadata": ""})

    assert (changed.name, plain(changed.metadata)) == (None, {})


def test_a_change_that_changes_nothing_is_not_announced(sandbox: Sandbox) -> None:
    made = sandbox.api.customers.create({"name": "Alice"})
    sandbox.api.customers.update(made.id, {"name": "Alice"})

    assert sandbox.types() == ["customer.created"]


def test_a_price_is_retired_and_no_longer_sold(sandbox: Sandbox) -> None:
    product = sandbox.api.products.create({"name": "Gold", "id": "gold", "description": "All films"})
    yearly = sandbox.api.prices.create(
        {
            "product": "gold",
            "currency": "EUR",
            "unit_amount": 9900,
            "recurring": {"interval": "year"},
            "lookup_key": "gold-yearly",
        }
    )
    once = sandbox.api.prices.create({"product": product.id, "currency": "eur", "unit_amount": 500})

    assert (yearly.currency, yearly.type, once.type, once.recurring) == ("eur", "recurring", "one_time", None)
    assert [one.id for one in sandbox.api.prices.list({"lookup_keys": ["gold-yearly"]}).data] == [yearly.id]
    assert [one.id for one in sandbox.api.prices.list({"recurring": {"interval": "year"}}).data] == [yearly.id]
    assert sandbox.api.products.update("gold", {"default_price": yearly.id}).default_price == yearly.id
    sandbox.api.prices.update(yearly.id, {"active": False})
    assert [one.id for one in sandbox.api.prices.list({"active": True}).data] == [once.id]
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        sandbox.session(yearly.id)
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        sandbox.api.products.create({"name": "Gold", "id": "gold"})


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer sk_live_secret", "Bearer pk_test_x", "Basic !!!", "Bearer", "Basic c2tfbGl2ZQ=="],
)
def test_only_test_keys_are_let_in(sandbox: Sandbox, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = sandbox.http.get("/v1/customers", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert "secret" not in answer.text


def test_the_sdk_knows_a_wrong_key_when_it_sees_one(sandbox: Sandbox) -> None:
    wrong = stripe.StripeClient("sk_live_x", base_addresses={"api": f"{sandbox.base_url}/stripe"})

    with pytest.raises(stripe.AuthenticationError):
        wrong.v1.customers.list()


def test_basic_authentication_does_as_well(sandbox: Sandbox) -> None:
    credentials = base64.b64encode(b"sk_test_x:").decode()

    answer = sandbox.http.get("/v1/customers", headers={"Authorization": f"Basic {credentials}"})

    assert answer.status_code == 200
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["stripe-version"] == "2026-10-28.endive"


def test_another_major_version_is_refused(sandbox: Sandbox) -> None:
    assert post(sandbox, "/customers", **{"Stripe-Version": "2026-11-25.endive"}).status_code == 200

    answer = post(sandbox, "/customers", **{"Stripe-Version": "2024-06-20"})

    assert answer.status_code == 400
    assert "2026-10-28.endive" in answer.json()["error"]["message"]


REFUSED: dict[str, tuple[Callable[[Sandbox], Any], str | None, str | None]] = {
    "an unknown parameter": (lambda it: post(it, "/customers", {"emial": "a@b"}), "parameter_unknown", "emial"),
    "an unknown part": (
        lambda it: post(it, "/subscriptions", {"customer": "c", "items[0][prize]": "p"}),
        "parameter_unknown",
        "items[0][prize]",
    ),
    "a missing parameter": (lambda it: post(it, "/products"), "parameter_missing", "name"),
    "a missing part of a list": (
        lambda it: post(it, "/subscriptions", {"customer": "c", "items[0][quantity]": "1"}),
        "parameter_missing",
        "items[0][price]",
    ),
    "an empty list": (
        lambda it: it.stripe.raw_request("post", "/v1/subscriptions", customer="cus_1", items={}),
        None,
        None,
    ),
    "no number": (
        lambda it: it.http.get("/v1/customers", params={"limit": "ten"}, headers=KEY),
        "parameter_invalid_integer",
        "limit",
    ),
    "too many": (
        lambda it: it.http.get("/v1/customers", params={"limit": "101"}, headers=KEY),
        "parameter_invalid_integer",
        "limit",
    ),
    "no boolean": (lambda it: post(it, "/products", {"name": "Gold", "active": "yes"}), None, "active"),
    "an empty name": (lambda it: post(it, "/products", {"name": ""}), "parameter_invalid_empty", "name"),
    "parts where a value belongs": (lambda it: post(it, "/customers", {"email[a]": "b"}), None, "email"),
    "a value where parts belong": (lambda it: post(it, "/customers", {"metadata": "b"}), None, "metadata"),
    "a value and parts": (
        lambda it: post(it, "/customers", {"metadata": "b", "metadata[a]": "b"}),
        None,
        "metadata[a]",
    ),
    "parts and a value": (lambda it: post(it, "/customers", {"metadata[a]": "b", "metadata": "b"}), None, "metadata"),
    "brackets out of order": (lambda it: post(it, "/customers", {"metadata[a": "b"}), None, "metadata[a"),
    "too deep": (lambda it: post(it, "/customers", {"a[b][c][d][e][f][g]": "b"}), None, "a[b][c][d][e][f][g]"),
    "a list without numbers": (lambda it: post(it, "/customers", {"expand[a]": "b"}), None, "expand"),
    "too much metadata": (
        lambda it: post(it, "/customers", {f"metadata[k{n}]": "v" for n in range(51)}),
        None,
        "metadata",
    ),
    "a long key of metadata": (lambda it: post(it, "/customers", {f"metadata[{'k' * 41}]": "v"}), None, None),
    "a long text": (lambda it: post(it, "/customers", {"name": "x" * 5001}), None, "name"),
    "a wrong word": (
        lambda it: it.http.get("/v1/subscriptions", params={"status": "gone"}, headers=KEY),
        None,
        "status",
    ),
    "a cursor to nowhere": (
        lambda it: it.http.get("/v1/customers", params={"starting_after": "cus_0"}, headers=KEY),
        "resource_missing",
        "starting_after",
    ),
    "both cursors": (
        lambda it: it.http.get(
            "/v1/customers",
            params=dict.fromkeys(["starting_after", "ending_before"], it.api.customers.create().id),
            headers=KEY,
        ),
        None,
        None,
    ),
    "what cannot be expanded": (
        lambda it: post(it, "/customers", {"expand[0]": "email", "email": "a@b"}),
        None,
        None,
    ),
    "what is not there to expand": (lambda it: post(it, "/customers", {"expand[]": "nothing"}), None, None),
    "too deep to expand": (lambda it: post(it, "/customers", {"expand[]": "a.b.c.d.e"}), None, None),
    "an unknown customer": (
        lambda it: post(it, "/subscriptions", {"customer": "cus_0", "items[0][price]": "p"}),
        "resource_missing",
        "customer",
    ),
    "too many fields": (lambda it: post(it, "/customers", {f"a{n}": "1" for n in range(1001)}), None, None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_requests_are_told_what_is_wrong(sandbox: Sandbox, name: str) -> None:
    ask, code, param = REFUSED[name]

    try:
        error = ask(sandbox).json()["error"]
    except stripe.InvalidRequestError as refused:
        error = json.loads(refused.http_body or "")["error"]

    assert error["type"] == "invalid_request_error"
    assert error["message"]
    if code:
        assert error["code"] == code
    if param:
        assert error["param"] == param


SESSIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no price of this name": ({"line_items": [{"price": "price_0"}]}, "No such price"),
    "no lines": ({"line_items": []}, "line_items"),
    "an address that is none": ({"success_url": "javascript:alert(1)"}, "Not a valid URL"),
    "an address without a host": ({"cancel_url": "https://"}, "Not a valid URL"),
    "a broken address": ({"cancel_url": "http://["}, "Not a valid URL"),
    "a subscription paid once": ({"mode": "payment"}, "one_time prices only"),
    "data of the other mode": ({"payment_intent_data": {"description": "x"}}, "payment_intent_data"),
    "too short": ({"expires_at": unix(Clock().now) + 60}, "between 30 minutes and 24 hours"),
    "too long": ({"expires_at": unix(Clock().now) + 90_000}, "between 30 minutes and 24 hours"),
    "two payers": ({"customer": "cus_0", "customer_email": "a@b"}, "only specify one"),
    "nobody's customer": ({"customer": "cus_0"}, "No such customer"),
    "a mode that is not simulated": ({"mode": "setup"}, "must be one of payment, subscription"),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_that_cannot_be_sold_is_refused(sandbox: Sandbox, name: str) -> None:
    wrong, message = SESSIONS[name]
    price = sandbox.price()

    with pytest.raises(stripe.InvalidRequestError, match=message):
        sandbox.session(price, **wrong)

    assert sandbox.api.checkout.sessions.list().data == []


def test_currencies_are_not_mixed(sandbox: Sandbox) -> None:
    dollars, euros = sandbox.price(), sandbox.price(currency="eur")

    with pytest.raises(stripe.InvalidRequestError, match="same currency"):
        sandbox.session(dollars, line_items=[{"price": dollars}, {"price": euros}])
    with pytest.raises(stripe.InvalidRequestError, match="same currency"):
        sandbox.api.subscriptions.create(
            {"customer": sandbox.api.customers.create().id, "items": [{"price": dollars}, {"price": euros}]}
        )


CHANGES: dict[str, tuple[Callable[[str], Any], str]] = {
    "no item left": (lambda item: {"items": [{"id": item, "deleted": True}]}, "at least one"),
    "a pending change of more": (
        lambda item: {"items": [{"id": item}], "metadata": {"a": "b"}, "payment_behavior": "pending_if_incomplete"},
        "cannot change: metadata",
    ),
    "a pause that is over": (
        lambda _: {"pause_collection": {"behavior": "void", "resumes_at": 5}},
        "in the future",
    ),
    "an item of nobody": (lambda _: {"items": [{"id": "si_0"}]}, "No such subscription item"),
    "a new item without a price": (lambda _: {"items": [{"quantity": 1}]}, "items\\[0\\]\\[price\\]"),
    "both ends": (lambda _: {"cancel_at": 2**33, "cancel_at_period_end": True}, "only specify one"),
    "an end that is over": (lambda _: {"cancel_at": 5}, "in the future"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_makes_no_sense_is_refused(sandbox: Sandbox, name: str) -> None:
    change, message = CHANGES[name]
    subscription = sandbox.subscribe(sandbox.price())

    with pytest.raises(stripe.InvalidRequestError, match=message):
        sandbox.api.subscriptions.update(subscription.id, change(subscription.items.data[0].id))

    assert sandbox.reread(subscription) == subscription


def test_an_end_can_be_named_by_the_period(sandbox: Sandbox) -> None:
    subscription = sandbox.subscribe(sandbox.price())

    asked = sandbox.api.subscriptions.update(subscription.id, {"cancel_at": "min_period_end"})

    assert (asked.cancel_at, asked.cancel_at_period_end) == (subscription.items.data[0].current_period_end, False)
    assert sandbox.api.subscriptions.update(subscription.id, {"cancel_at": ""}).cancel_at is None


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/nothing"),
        ("DELETE", "/customers"),
        ("GET", "/customers/a/b"),
        ("PUT", "/customers"),
    ],
)
def test_an_unknown_url_is_answered_in_stripes_shape(sandbox: Sandbox, verb: str, path: str) -> None:
    answer = sandbox.http.request(verb, f"/v1{path}", headers=KEY)

    assert answer.status_code in (404, 405)
    assert verb == "PUT" or "Unrecognized request URL" in answer.json()["error"]["message"]


def test_what_is_not_there_is_404(sandbox: Sandbox) -> None:
    for service in (
        sandbox.api.customers,
        sandbox.api.products,
        sandbox.api.prices,
        sandbox.api.checkout.sessions,
        sandbox.api.subscriptions,
        sandbox.api.invoices,
        sandbox.api.invoice_payments,
        sandbox.api.payment_intents,
        sandbox.api.charges,
        sandbox.api.events,
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            service.retrieve("nothing")
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_bodies_that_are_no_forms_are_refused(sandbox: Sandbox) -> None:
    assert sandbox.http.post("/v1/customers", json={"email": "a@b"}, headers=KEY).status_code == 400
    form = KEY | {"Content-Type": "application/x-www-form-urlencoded"}
    assert sandbox.http.post("/v1/customers", content="name=\xff".encode("latin-1"), headers=form).status_code == 400
    assert sandbox.http.post("/v1/customers", content=b"name=%ff", headers=form).status_code == 400
    too_large = sandbox.http.post("/v1/customers", content=b"name=" + b"x" * 300_000, headers=form)
    assert too_large.status_code == 413
    assert too_large.json()["error"]["type"] == "invalid_request_error"
    assert sandbox.api.customers.list().data == []


def test_the_same_key_gets_the_same_answer(sandbox: Sandbox) -> None:
    first = post(sandbox, "/customers", {"name": "Alice"}, **{"Idempotency-Key": "k1"})
    again = post(sandbox, "/customers", {"name": "Alice"}, **{"Idempotency-Key": "k1"})

    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["idempotency-key"] == "k1"
    assert len(sandbox.api.customers.list().data) == 1
    [event] = sandbox.happened()
    assert event.request
    assert (event.request.idempotency_key, event.request.id) == ("k1", first.headers["request-id"])


def test_the_same_key_with_something_else_is_refused(sandbox: Sandbox) -> None:
    sandbox.api.customers.create({"name": "Alice"}, {"idempotency_key": "k1"})

    with pytest.raises(stripe.IdempotencyError):
        sandbox.api.customers.create({"name": "Bob"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError):
        sandbox.api.products.create({"name": "Alice"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        sandbox.api.customers.create({}, {"idempotency_key": "k" * 256})


def test_many_at_once_with_one_key_do_it_once(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(8) as callers:
        create = sandbox.api.customers.create
        ids = set(callers.map(lambda _: create({"name": "Alice"}, {"idempotency_key": "k1"}).id, range(16)))

    assert len(ids) == 1


def test_a_refusal_is_not_remembered_and_a_key_is_forgotten_after_a_day(sandbox: Sandbox, clock: Clock) -> None:
    assert post(sandbox, "/products", {}, **{"Idempotency-Key": "k1"}).status_code == 400
    first = post(sandbox, "/products", {"name": "Gold"}, **{"Idempotency-Key": "k1"}).json()["id"]
    clock.pass_(hours=23)
    assert post(sandbox, "/products", {"name": "Gold"}, **{"Idempotency-Key": "k1"}).json()["id"] == first
    clock.pass_(hours=2)
    assert post(sandbox, "/products", {"name": "Gold"}, **{"Idempotency-Key": "k1"}).json()["id"] != first


def test_lists_are_paged_both_ways(sandbox: Sandbox, clock: Clock) -> None:
    made = []
    for number in range(7):
        clock.pass_(seconds=number % 2)  # some have the same second
        made.append(sandbox.api.customers.create({"name": f"{number}"}).id)
    newest_first = made[::-1]

    first = sandbox.api.customers.list({"limit": 3})
    second = sandbox.api.customers.list({"limit": 3, "starting_after": first.data[-1].id})
    last = sandbox.api.customers.list({"limit": 3, "starting_after": second.data[-1].id})
    back = sandbox.api.customers.list({"limit": 3, "ending_before": last.data[0].id})

    assert [one.id for page in (first, second, last) for one in page.data] == newest_first
    assert [page.has_more for page in (first, second, last)] == [True, True, False]
    assert [one.id for one in back.data] == [one.id for one in second.data]
    assert back.has_more
    assert [one.id for one in sandbox.api.customers.list({"limit": 2}).auto_paging_iter()] == newest_first


def test_lists_are_narrowed_by_time(sandbox: Sandbox, clock: Clock) -> None:
    early = sandbox.api.customers.create()
    clock.pass_(days=1)
    late = sandbox.api.customers.create()

    def found(**created: Any) -> list[str]:
        return [one.id for one in sandbox.api.customers.list(created).data]  # type: ignore[arg-type]

    assert found(created={"gte": late.created}) == [late.id]
    assert found(created={"lt": late.created}) == [early.id]
    assert found(created=early.created) == [early.id]
    assert found(created={"gt": early.created, "lte": early.created + 5}) == []


def test_subscriptions_are_listed_by_customer_and_status(sandbox: Sandbox) -> None:
    price = sandbox.price()
    alice, bob = (sandbox.api.customers.create({"name": name}).id for name in ("Alice", "Bob"))
    gone = sandbox.subscribe(price, customer=alice)
    lives = sandbox.subscribe(price, customer=alice)
    sandbox.subscribe(price, customer=bob)
    sandbox.api.subscriptions.cancel(gone.id)

    def found(**wanted: Any) -> set[str]:
        filters: Any = {"customer": alice, **wanted}
        return {one.id for one in sandbox.api.subscriptions.list(filters).data}

    assert found() == {lives.id}
    assert found(status="all") == {lives.id, gone.id}
    assert found(status="canceled") == {gone.id}
    assert found(status="active") == {lives.id}


def test_what_an_id_names_comes_along_when_asked_for(sandbox: Sandbox) -> None:
    subscription = sandbox.subscribe(sandbox.price(999, name="Gold"), customer_email="alice@example.org")

    whole = sandbox.api.subscriptions.retrieve(
        subscription.id, {"expand": ["customer", "latest_invoice.payments", "items.data.price.product"]}
    )

    assert isinstance(whole.customer, stripe.Customer)
    assert whole.customer.email == "alice@example.org"
    assert isinstance(whole.latest_invoice, stripe.Invoice)
    assert whole.latest_invoice.payments
    assert whole.latest_invoice.payments.data[0].status == "paid"
    assert isinstance(whole.items.data[0].price.product, stripe.Product)
    [listed] = sandbox.api.subscriptions.list({"expand": ["data.latest_invoice"]}).data
    assert isinstance(listed.latest_invoice, stripe.Invoice)
    with_list = sandbox.api.customers.retrieve(whole.customer.id, {"expand": ["subscriptions"]})
    assert with_list.subscriptions
    assert [one.id for one in with_list.subscriptions.data] == [subscription.id]


def test_the_lines_of_a_session_can_be_read_alone(sandbox: Sandbox) -> None:
    prices = [sandbox.price(amount, name=f"Film {amount}", interval=None) for amount in (100, 200, 300)]
    lines = [{"price": price, "quantity": 2} for price in prices]
    session = sandbox.session(prices[0], mode="payment", line_items=lines)

    assert session.amount_total == 1200
    two = sandbox.api.checkout.sessions.line_items.list(session.id, {"limit": 2})
    assert [(line.description, line.amount_total) for line in two.data] == [("Film 100", 200), ("Film 200", 400)]
    assert two.has_more


def test_events_are_listed_by_type_and_for_thirty_days(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.price()
    sandbox.api.customers.create()

    def found(**wanted: Any) -> list[str]:
        return [event.type for event in sandbox.api.events.list(wanted).data]  # type: ignore[arg-type]

    assert found() == ["customer.created", "price.created", "product.created"]
    assert found(types=["product.created", "price.created"]) == ["price.created", "product.created"]
    assert found(type="price.created") == ["price.created"]
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        found(type="price.created", types=["price.created"])
    event = sandbox.happened()[0]
    clock.pass_(days=30, seconds=1)
    assert found() == []
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        sandbox.api.events.retrieve(event.id)


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the SDK's way with httpx
async def test_the_async_client_talks_to_it_as_well(sandbox: Sandbox) -> None:
    http = stripe.HTTPXClient(timeout=10)
    client = stripe.StripeClient("sk_test_x", base_addresses={"api": f"{sandbox.base_url}/stripe"}, http_client=http)
    try:
        made = await client.v1.customers.create_async({"name": "Alice"})
        assert [one.id async for one in (await client.v1.customers.list_async()).auto_paging_iter()] == [made.id]
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]


def test_undelivered_events_are_listed_in_pages(sandbox: Sandbox) -> None:
    sandbox.deliveries(drop=True)
    made = [sandbox.api.customers.create().id for _ in range(5)]
    sandbox.settle()
    sandbox.deliveries()
    sandbox.price()
    sandbox.settle()

    wanted: Any = {"delivery_success": False, "types": ["customer.created", "price.created"], "limit": 2}
    found = [event.data.object["id"] for event in sandbox.api.events.list(wanted).auto_paging_iter()]

    assert found == made[::-1]


WITH_A_KEY: dict[str, Callable[[Sandbox, stripe.Subscription], tuple[str, dict[str, str]]]] = {
    "a product": lambda *_: ("/products", {"name": "Gold"}),
    "a session": lambda it, had: (
        "/checkout/sessions",
        {"mode": "subscription", "success_url": "http://a.test", "line_items[0][price]": price_of(had)},
    ),
    "a subscription": lambda it, had: (
        "/subscriptions",
        {"customer": str(had.customer), "items[0][price]": price_of(had)},
    ),
    "a change": lambda it, had: (f"/subscriptions/{had.id}", {"items[0][price]": it.price(5)}),
    "a pause": lambda it, had: (f"/subscriptions/{had.id}/pause", {}),
    "a refund": lambda it, had: ("/refunds", {"payment_intent": it.paid(had), "amount": "1"}),
    "a portal session": lambda it, had: ("/billing_portal/sessions", {"customer": str(had.customer)}),
    "a feature": lambda *_: ("/entitlements/features", {"name": "HD", "lookup_key": "hd"}),
}


def price_of(subscription: stripe.Subscription) -> str:
    return subscription.items.data[0].price.id


@pytest.mark.parametrize("name", WITH_A_KEY)
def test_whatever_is_asked_for_twice_with_one_key_happens_once(sandbox: Sandbox, name: str) -> None:
    path, form = WITH_A_KEY[name](sandbox, sandbox.subscribe(sandbox.price()))

    first = post(sandbox, path, form, **{"Idempotency-Key": "k1"})
    happened = sandbox.types()
    again = post(sandbox, path, form, **{"Idempotency-Key": "k1"})
    other = post(sandbox, path, form | {"expand[]": "x"}, **{"Idempotency-Key": "k1"})

    assert (first.status_code, again.json()) == (200, first.json())
    assert sandbox.types() == happened
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


def test_customers_are_searched_by_their_metadata(sandbox: Sandbox) -> None:
    anna = sandbox.api.customers.create({"metadata": {"of": "anna", "plan": "gold"}})
    sandbox.api.customers.create({"metadata": {"of": "boris", "plan": "gold"}})

    found = sandbox.api.customers.search({"query": "metadata['plan']:'gold' AND metadata[\"of\"]:\"anna\""})

    assert [one.id for one in found.data] == [anna.id]
    assert not found.has_more
    assert sandbox.api.customers.search({"query": "metadata['of']:'nobody'"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="The simulator searches by metadata"):
        sandbox.api.customers.search({"query": "email:'anna@example.com'"})


def test_a_subscription_sells_no_price_twice(sandbox: Sandbox) -> None:
    gold, silver = sandbox.price(2000), sandbox.price(1000)
    [item, *_] = (had := sandbox.subscribe(gold)).items.data
    assert post(sandbox, f"/subscriptions/{had.id}", {"items[0][price]": silver}).status_code == 200
    before = sandbox.types()
    twice = {"0][price]": gold, "1][price]": gold}
    session = {"mode": "subscription", "success_url": "http://a.test"}

    for path, form in [
        ("/subscriptions", {"customer": str(had.customer), **{f"items[{at}": price for at, price in twice.items()}}),
        ("/checkout/sessions", session | {f"line_items[{at}": price for at, price in twice.items()}),
        (f"/subscriptions/{had.id}", {"items[0][price]": gold}),
        (f"/subscriptions/{had.id}", {"items[0][id]": item.id, "items[0][price]": silver}),
    ]:
        refused = post(sandbox, path, form)
        assert refused.status_code == 400, path
        assert refused.json()["error"]["type"] == "invalid_request_error"
        said = refused.json()["error"]["message"]
        assert said.startswith("Cannot add multiple subscription items with the same plan: price_")
    assert sandbox.types() == before
    exchanged = {"items[0][id]": item.id, "items[0][deleted]": "true", "items[1][price]": gold}
    assert post(sandbox, f"/subscriptions/{had.id}", exchanged).status_code == 200


@pytest.mark.parametrize("code", ["zzz", "xau", "euro", "e\u00fcr"])
def test_a_currency_that_stripe_does_not_take_is_refused(sandbox: Sandbox, code: str) -> None:
    product = sandbox.api.products.create({"name": "Gold"})

    with pytest.raises(stripe.InvalidRequestError, match="Invalid currency"):
        sandbox.api.prices.create({"product": product.id, "currency": code, "unit_amount": 500})


def test_no_list_takes_a_customer_whom_nobody_knows(sandbox: Sandbox) -> None:
    for listed in (
        "charges",
        "checkout/sessions",
        "entitlements/active_entitlements",
        "invoices",
        "payment_intents",
        "subscriptions",
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_nobody'") as refused:
            sandbox.stripe.raw_request("get", f"/v1/{listed}", customer="cus_nobody")
        assert (refused.value.http_status, refused.value.code, refused.value.param) == (
            400,
            "resource_missing",
            "customer",
        )


def test_a_customer_that_is_deleted_takes_its_subscriptions_along(sandbox: Sandbox) -> None:
    price = sandbox.price()
    anna = sandbox.api.customers.create({"name": "Anna"})
    begun = sandbox.api.subscriptions.create({"customer": anna.id, "items": [{"price": price}]})

    sandbox.api.customers.delete(anna.id)

    assert sandbox.api.customers.retrieve(anna.id).deleted is True
    assert sandbox.api.subscriptions.retrieve(begun.id).status == "canceled"
    assert sandbox.api.customers.list().data == []
    made = [event.type for event in sandbox.api.events.list({"limit": 2}).data]
    assert made == ["customer.deleted", "customer.subscription.deleted"]
    for ask in (
        lambda: sandbox.api.customers.delete(anna.id),
        lambda: sandbox.api.customers.update(anna.id, {"name": "Anna"}),
        lambda: sandbox.api.invoices.list({"customer": anna.id}),
        lambda: sandbox.api.billing_portal.sessions.create({"customer": anna.id}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            ask()
