"""The billing portal: the hosted page on which a customer cancels, resumes, and pays what is open."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath, SkipValidation

from adapters.sandbox.stripe import page, portal_page
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.hosted import Shown, respond, show_failure
from adapters.sandbox.stripe.life import changes, debts
from adapters.sandbox.stripe.life.changes import Exchange
from adapters.sandbox.stripe.life.subscriptions import ENDED
from adapters.sandbox.stripe.shapes import StripeObject
from adapters.sandbox.stripe.simulation import Simulation

VALID_SECONDS = 3600


class Portal(Controller):
    request_max_body_size = 10_000
    exception_handlers = {HTTPException: show_failure}  # noqa: RUF012 - so Litestar declares it

    @get("/portal/{secret:str}", media_type="text/html")
    async def show(
        self, secret: FromPath[str], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> Response[str]:
        async with simulation.moment() as moment:
            session = _session(moment, secret)
            shown = _page(moment, session) if session else _gone()
        return respond(shown)

    @post("/portal/{secret:str}", media_type="text/html")
    async def act(
        self,
        secret: FromPath[str],
        simulation: NamedDependency[SkipValidation[Simulation]],
        request: Request[Any, Any, Any],
    ) -> Response[str]:
        """`action=cancel` or `resume` with `id` of a subscription, `pay` with that of an invoice: 303 to the page."""
        action, id = _asked(await request.body())
        async with simulation.moment() as moment:
            session = _session(moment, secret)
            shown = _act(moment, session, action, id) if session else _gone()
        return respond(shown)


def _asked(body: bytes) -> tuple[str, str]:
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return "", ""
    return form.get("action", [""])[-1], form.get("id", [""])[-1]


def _session(moment: Moment, secret: str) -> StripeObject | None:
    """None when there is none, or it has expired."""
    sessions = moment.all("billing_portal.session", _secret=secret)
    return sessions[0] if sessions and moment.at < sessions[0]["created"] + VALID_SECONDS else None


def _gone() -> Shown:
    return Shown(404, page.notice("Not found", "There is no such session, or it has expired."))


def _page(moment: Moment, session: StripeObject) -> Shown:
    customer = session["customer"]
    running = [one for one in moment.all("subscription", customer=customer) if one["status"] not in ENDED]
    owed = [one for one in moment.all("invoice", customer=customer) if one["status"] == "open"]
    return Shown(200, portal_page.portal(running, owed, back=session["return_url"]))


def _act(moment: Moment, session: StripeObject, action: str, id: str) -> Shown:
    if action not in ACTIONS:
        return Shown(400, page.notice("Not understood", "The action must be cancel, resume or pay."))
    kind, perform = ACTIONS[action]
    obj = moment.find(kind, id)
    if obj is None or obj["customer"] != session["customer"]:
        return Shown(404, page.notice("Not found", f"There is no such {kind}."))
    try:
        perform(moment, obj)
    except StripeRefusal as refusal:
        return Shown(409, page.notice("Not possible", str(refusal), link=session["url"]))
    return Shown(303, onward=session["url"])


def _cancel(moment: Moment, subscription: StripeObject) -> None:
    """At the end of what is paid for."""
    _must_run(subscription)
    end = max(item["current_period_end"] for item in subscription["items"]["data"])
    _amend(moment, subscription, cancel_at=end, canceled_at=moment.at, reason="cancellation_requested")


def _resume(moment: Moment, subscription: StripeObject) -> None:
    _must_run(subscription)
    if subscription["cancel_at"] is None:
        raise StripeRefusal("No cancellation is scheduled.")
    _amend(moment, subscription, cancel_at=None, canceled_at=None, reason=None)


def _must_run(subscription: StripeObject) -> None:
    if subscription["status"] in ENDED:
        raise StripeRefusal("This subscription has ended.")


def _amend(
    moment: Moment, subscription: StripeObject, *, cancel_at: int | None, canceled_at: int | None, reason: str | None
) -> None:
    """The portal schedules by `cancel_at` and leaves `cancel_at_period_end` false: receivers must read both."""
    ending = {
        "cancel_at": cancel_at,
        "cancel_at_period_end": False,
        "canceled_at": canceled_at,
        "cancellation_details": subscription["cancellation_details"] | {"reason": reason},
    }
    changes.amend(moment, subscription, ending, Exchange())


def _pay(moment: Moment, invoice: StripeObject) -> None:
    """With a good card, which is the customer's from now on."""
    moment.change(moment.need("customer", invoice["customer"]), _card="ok")
    debts.pay(moment, invoice, good=True)


ACTIONS: dict[str, tuple[str, Callable[[Moment, StripeObject], None]]] = {
    "cancel": ("subscription", _cancel),
    "pay": ("invoice", _pay),
    "resume": ("subscription", _resume),
}
