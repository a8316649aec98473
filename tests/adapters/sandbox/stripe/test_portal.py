"""The billing portal: a page behind a secret address, on which a customer cancels, resumes and pays."""

import re
from datetime import timedelta

import pytest
import stripe

from tests.adapters.sandbox.stripe.harness import Clock, Sandbox, at, unix
from tests.adapters.sandbox.stripe.test_shapes import conforms

HOME = "http://127.0.0.1:1/account?tab=billing&x=1"


@pytest.fixture
def subscription(sandbox: Sandbox) -> stripe.Subscription:
    return sandbox.subscribe(sandbox.price(999))


@pytest.fixture
def portal(sandbox: Sandbox, subscription: stripe.Subscription) -> str:
    """The address of the page."""
    opened = sandbox.api.billing_portal.sessions.create({"customer": str(subscription.customer), "return_url": HOME})
    conforms(opened, "portal")
    return opened.url


def press(sandbox: Sandbox, portal: str, button: str) -> int:
    """Presses the button that bears this label; the status of the answer."""
    text = sandbox.http.get(portal).text
    pattern = rf'name="id" value="([^"]+)"><button name="action" value="([^"]+)">{re.escape(button)}</button>'
    found = re.search(pattern, text)
    assert found, f"There is no {button} on {text}"
    answer = sandbox.http.post(portal, data={"id": found[1], "action": found[2]})
    assert answer.status_code != 303 or answer.headers["location"] == portal
    return answer.status_code


def test_a_customer_cancels_and_takes_it_back(
    sandbox: Sandbox, subscription: stripe.Subscription, portal: str, clock: Clock
) -> None:
    clock.pass_(minutes=5)
    assert press(sandbox, portal, "Cancel") == 303
    leaving = sandbox.reread(subscription)
    assert leaving.cancel_at == subscription.items.data[0].current_period_end
    assert (leaving.cancel_at_period_end, leaving.canceled_at) == (False, unix(clock.now))
    assert "until 28 February 2026" in sandbox.http.get(portal).text

    assert press(sandbox, portal, "Do not cancel") == 303

    staying = sandbox.reread(subscription)
    assert (staying.cancel_at, staying.canceled_at) == (None, None)
    assert "until" not in sandbox.http.get(portal).text


def test_a_cancellation_from_the_portal_takes_place(
    sandbox: Sandbox, subscription: stripe.Subscription, portal: str
) -> None:
    press(sandbox, portal, "Cancel")

    sandbox.advance(at("2026-03-01T00:00:00"))

    assert sandbox.reread(subscription).status == "canceled"


def test_a_customer_pays_what_is_open_with_a_new_card(sandbox: Sandbox, subscription: stripe.Subscription) -> None:
    sandbox.card(subscription.customer, "decline")
    sandbox.advance(at("2026-03-01T00:00:00"))
    portal = sandbox.api.billing_portal.sessions.create({"customer": str(subscription.customer)}).url

    assert press(sandbox, portal, "Pay $9.99") == 303

    assert sandbox.reread(subscription).status == "active"
    assert "Pay" not in sandbox.http.get(portal).text
    sandbox.advance(at("2026-04-01T00:00:00"))
    assert sandbox.reread(subscription).status == "active"


def test_the_page_leads_back_and_is_safe(sandbox: Sandbox, portal: str) -> None:
    page = sandbox.http.get(portal)

    assert f'href="{HOME.replace("&", "&amp;")}"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_nobody_acts_on_what_belongs_to_another(sandbox: Sandbox, portal: str) -> None:
    other = sandbox.subscribe(sandbox.price(999))

    assert sandbox.http.post(portal, data={"action": "cancel", "id": other.id}).status_code == 404
    assert sandbox.http.post(portal, data={"action": "delete", "id": other.id}).status_code == 400
    assert sandbox.reread(other).cancel_at is None


def test_what_cannot_be_done_is_said(sandbox: Sandbox, subscription: stripe.Subscription, portal: str) -> None:
    resume = {"action": "resume", "id": subscription.id}
    assert "No cancellation is scheduled" in sandbox.http.post(portal, data=resume).text
    paid = {"action": "pay", "id": str(subscription.latest_invoice)}
    assert sandbox.http.post(portal, data=paid).status_code == 409
    sandbox.api.subscriptions.cancel(subscription.id)

    assert sandbox.http.post(portal, data=resume | {"action": "cancel"}).status_code == 409


def test_a_session_expires_after_an_hour(sandbox: Sandbox, portal: str, clock: Clock) -> None:
    clock.now += timedelta(minutes=59)
    assert sandbox.http.get(portal).status_code == 200

    clock.now += timedelta(minutes=1)

    assert sandbox.http.get(portal).status_code == 404
    assert sandbox.http.post(portal, data={}).status_code == 404
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        sandbox.api.billing_portal.sessions.create({"customer": "cus_0"})
