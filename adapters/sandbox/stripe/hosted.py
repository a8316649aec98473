"""The pages that Stripe hosts: the checkout on which a session is paid, declined or left, and the invoice after it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath, SkipValidation

from adapters.sandbox.stripe import page
from adapters.sandbox.stripe.books.moment import Moment
from adapters.sandbox.stripe.life import checkout
from adapters.sandbox.stripe.shapes import StripeObject
from adapters.sandbox.stripe.simulation import Simulation

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Shown:
    """What the visitor gets: a page, or the address to go on to."""

    status: int
    html: str = ""
    onward: str | None = None


def respond(shown: Shown) -> Response[str]:
    """With the headers of every hosted page."""
    headers = HEADERS | ({"Location": in_ascii(shown.onward)} if shown.onward else {})
    return Response(shown.html, status_code=shown.status, media_type="text/html", headers=headers)


def in_ascii(address: str) -> str:
    """As a header holds it: letters beyond ASCII in percents, all else as it is (RFC 3986, 2.1)."""
    return "".join(letter if letter.isascii() else quote(letter) for letter in address)


def show_failure(_: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    """Also what is refused before it gets here (a body too large) is a page."""
    return respond(Shown(error.status_code, page.notice("Not possible", error.detail)))


class HostedPages(Controller):
    request_max_body_size = 10_000
    exception_handlers = {HTTPException: show_failure}  # noqa: RUF012 - so Litestar declares it

    @get("/checkout/{session_id:str}", media_type="text/html")
    async def show(
        self, session_id: FromPath[str], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> Response[str]:
        async with simulation.moment() as moment:
            shown = _shown(moment.find("checkout.session", session_id))
        return respond(shown)

    @post("/checkout/{session_id:str}", media_type="text/html")
    async def decide(
        self,
        session_id: FromPath[str],
        simulation: NamedDependency[SkipValidation[Simulation]],
        request: Request[Any, Any, Any],
    ) -> Response[str]:
        """`outcome=pay`, `decline` or `leave`: 303 to the session's return address."""
        outcome = _outcome(await request.body())
        async with simulation.moment() as moment:
            shown = _decide(moment, session_id, outcome)
        return respond(shown)

    @get("/invoices/{invoice_id:str}", media_type="text/html")
    async def show_invoice(
        self, invoice_id: FromPath[str], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> Response[str]:
        """The invoice's `hosted_invoice_url`, which serves as the receipt."""
        async with simulation.moment() as moment:
            invoice = moment.find("invoice", invoice_id)
        if invoice is None or invoice["number"] is None:
            return respond(Shown(404, page.notice("Not found", "There is no such invoice.")))
        return respond(Shown(200, page.invoice(invoice)))


def _outcome(body: bytes) -> str:
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return ""
    return form.get("outcome", [""])[-1]


def _decide(moment: Moment, session_id: str, outcome: str) -> Shown:
    session = moment.find("checkout.session", session_id)
    if session is None or session["status"] != "open":
        return _shown(session)
    if outcome == "pay":
        checkout.pay(moment, session)
        return Shown(303, onward=_returning(session))
    if outcome == "decline":
        checkout.decline(moment, session)
    elif outcome != "leave":
        return Shown(400, page.notice("Not understood", "The outcome must be pay, decline or leave."))
    return Shown(303, onward=session["cancel_url"] or session["url"])


def _shown(session: StripeObject | None) -> Shown:
    """The page of a session, or why there is nothing to pay any more."""
    if session is None:
        return Shown(404, page.notice("Not found", "There is no such checkout."))
    if session["status"] == "complete":
        link = _returning(session)
        return Shown(409, page.notice("Already paid", "This checkout has been completed.", link=link))
    if session["status"] == "expired":
        link = session["cancel_url"]
        return Shown(410, page.notice("Expired", "This checkout has expired; nothing was paid.", link=link))
    return Shown(200, page.checkout(session))


def _returning(session: StripeObject) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])
