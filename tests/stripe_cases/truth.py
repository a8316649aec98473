"""A scripted Stripe: its API answers what the case says is true at this moment of business time, and nothing else.

https://docs.stripe.com/api. Lists take the filters that Stripe documents for them and refuse others, as Stripe does.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from litestar import Litestar, Request, Response, route
from litestar.params import FromPath

from tests.stripe_cases.case import Case

SECRET_KEY = "sk_live_stripe_cases"
HOLD_SECONDS = 30
EVENTS_KEPT_SECONDS = 30 * 86_400
PAGE_SIZE = 10
GONE = frozenset({"canceled", "incomplete_expired"})

Thing = dict[str, Any]
Asked = Mapping[str, str]

COMMON = frozenset({"limit", "starting_after", "ending_before", "expand", "created"})
KINDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "subscriptions": ("subscription", frozenset({"customer", "status", "price", "collection_method"})),
    "invoices": ("invoice", frozenset({"customer", "status", "subscription", "collection_method"})),
    "checkout/sessions": ("checkout.session", frozenset({"customer", "status", "subscription", "payment_intent"})),
    "charges": ("charge", frozenset({"customer", "payment_intent"})),
    "refunds": ("refund", frozenset({"charge", "payment_intent"})),
    "disputes": ("dispute", frozenset({"charge", "payment_intent"})),
    "invoice_payments": ("invoice_payment", frozenset({"invoice", "status", "payment"})),
    "payment_intents": ("payment_intent", frozenset({"customer"})),
    "credit_notes": ("credit_note", frozenset({"customer", "invoice"})),
    "customers": ("customer", frozenset({"email"})),
    "prices": ("price", frozenset({"active", "product", "type", "currency"})),
    "products": ("product", frozenset({"active"})),
    "events": ("event", frozenset({"type", "types", "delivery_success"})),
}
"""By path: what it lists, and by what it may be filtered."""


class Refused(Exception):
    """An error of Stripe's."""

    def __init__(self, status: int, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": "invalid_request_error", "message": message, "code": code}}


@dataclass
class Held:
    """An answer that was made, and is on its way until `released` is set."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)


class Truth:
    """What the scripted Stripe knows; `case` is the one that is being played."""

    def __init__(self, now: Callable[[], datetime], prices: Iterable[Thing]) -> None:
        self.case: Case | None = None
        self.questions = 0
        self._now = now
        self._sold = {price["id"]: price for price in prices}
        self._opened: dict[str, Thing] = {}
        self._also: dict[str, Thing] = {}
        self._held: Held | None = None

    def tell(self, case: Case, *, also: Iterable[Thing] = ()) -> None:
        """`also` is what the case leaves out, and Stripe would show all the time."""
        self.case, self._opened = case, {}
        self._also = {thing["id"]: thing for thing in also}

    def hold(self) -> Held:
        """Keep back the next list of subscriptions."""
        self._held = Held()
        return self._held

    def customer(self, id: str) -> Thing:
        return {"id": id, "object": "customer", "created": 0, "email": None, "livemode": True, "metadata": {}}

    def things(self) -> dict[str, Thing]:
        """Everything that there is now, by id."""
        now, case = int(self._now().timestamp()), self.case
        found = deepcopy(self._sold | self._also)
        if case is None:
            return found
        told = [moment for moment in case.stripe_truth if moment.at <= now]
        if told:
            found.update(deepcopy(dict(max(told, key=lambda moment: moment.at).objects)))
        for id, given in self._opened.items():
            if id in found:
                found[id]["client_reference_id"] = given["client_reference_id"]
                found[id]["metadata"] = found[id]["metadata"] | given["metadata"]
            else:
                found[id] = deepcopy(given)
        customers = {*case.bindings, *(thing["customer"] for thing in found.values() if thing.get("customer"))}
        return found | {id: self.customer(id) for id in customers} | self._events(case, now)

    def _events(self, case: Case, now: int) -> dict[str, Thing]:
        """Snapshot events are listed for 30 days."""
        snapshots = [event for event in case.events if event["object"] == "event"]
        return {event["id"]: event for event in snapshots if now - EVENTS_KEPT_SECONDS < event["created"] <= now}

    async def answer(self, path: str, asked: Asked) -> Thing:
        """Raises Refused."""
        self.questions += 1
        if path in KINDS:
            answer = self._list(path, asked)
        else:
            answer = self._one(path)
            for each in _several(asked, "expand"):
                self._expand(answer, each.split("."))
        if path == "subscriptions" and (held := self._held) is not None:
            self._held = None
            held.asked.set()
            await asyncio.wait_for(held.released.wait(), HOLD_SECONDS)
        return answer

    def _one(self, path: str) -> Thing:
        kind, _, id = path.rpartition("/")
        thing = self.things().get(id)
        if kind not in KINDS or thing is None or thing["object"] != KINDS[kind][0]:
            raise Refused(404, f"No such {kind}: '{id}'", code="resource_missing")
        return thing

    def _list(self, path: str, asked: Asked) -> Thing:
        kind, filters = KINDS[path]
        for name in asked:
            if name.partition("[")[0] not in COMMON | filters:
                raise Refused(400, f"Received unknown parameter: {name}", code="parameter_unknown")
        things = self.things()
        if (customer := asked.get("customer")) is not None and customer not in things:
            raise Refused(400, f"No such customer: '{customer}'", code="resource_missing")
        found = [thing for thing in things.values() if thing["object"] == kind and _fits(thing, asked)]
        found.sort(key=lambda thing: (thing.get("created", 0), thing["id"]), reverse=True)
        return self._page(path, found, asked)

    def _page(self, path: str, found: list[Thing], asked: Asked) -> Thing:
        ids = [thing["id"] for thing in found]
        if (after := asked.get("starting_after")) is not None:
            if after not in ids:
                raise Refused(400, f"No such object: '{after}'", code="resource_missing")
            found = found[ids.index(after) + 1 :]
        size = int(asked.get("limit", PAGE_SIZE))
        page: Thing = {"object": "list", "url": f"/v1/{path}", "has_more": len(found) > size, "data": found[:size]}
        for each in _several(asked, "expand"):
            self._expand(page, each.split("."))
        return page

    def _expand(self, thing: Any, path: list[str]) -> None:
        """Puts objects in the place of their ids; an id that nothing is known of stays an id."""
        if isinstance(thing, list):
            for each in thing:
                self._expand(each, path)
            return
        if not path or not isinstance(thing, dict):
            return
        name, things = path[0], self.things()
        if thing.get("object") == "invoice" and name == "payments":
            of_it = [one for one in things.values() if one.get("invoice") == thing["id"] and "payment" in one]
            thing[name] = {"object": "list", "url": "/v1/invoice_payments", "has_more": False, "data": of_it}
        elif isinstance(id := thing.get(name), str) and id in things:
            thing[name] = things[id]
        self._expand(thing.get(name), path[1:])

    def open_session(self, given: Asked) -> Thing:
        """The page that somebody opens is the case's one, with what we wrote on it."""
        assert self.case is not None, "a case is played"
        every = {id: thing for moment in self.case.stripe_truth for id, thing in moment.objects.items()}
        [session] = [thing for thing in every.values() if thing["object"] == "checkout.session"]
        metadata = {name[9:-1]: value for name, value in given.items() if name.startswith("metadata[")}
        opened = session | {
            "status": "open",
            "payment_status": "unpaid",
            "client_reference_id": given.get("client_reference_id"),
            "metadata": metadata,
            "url": f"https://checkout.stripe.example/{session['id']}",
        }
        self._opened[session["id"]] = opened
        return opened


def _several(asked: Asked, name: str) -> list[str]:
    """The values of a list, as forms write it: `expand[0]=...&expand[1]=...`."""
    return [value for key, value in asked.items() if re.fullmatch(rf"{name}\[\d*\]", key)]


def _fits(thing: Thing, asked: Asked) -> bool:
    if thing["object"] == "subscription" and "status" not in asked and thing["status"] in GONE:
        return False
    if (types := _several(asked, "types")) and thing["type"] not in types:
        return False
    return all(_has(thing, name, wanted) for name, wanted in asked.items())


def _has(thing: Thing, name: str, wanted: str) -> bool:
    """Whether a thing is what one parameter asks for."""
    path = re.findall(r"\w+", name)
    match path:
        case ["limit" | "starting_after" | "ending_before" | "expand" | "types", *_]:
            return True
        case ["created", bound]:
            compare = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}[bound]
            return bool(compare(int(thing["created"]), int(wanted)))
        case ["status"] if thing["object"] == "subscription" and wanted == "all":
            return True
        case ["price"]:
            return any(item["price"]["id"] == wanted for item in thing["items"]["data"])
        case ["subscription"] if thing["object"] == "invoice":
            path = ["parent", "subscription_details", "subscription"]
        case ["delivery_success"]:
            return (wanted == "false") == (int(thing["pending_webhooks"]) > 0)
        case _:
            pass
    value: Any = thing
    for each in path:
        value = value.get(each) if isinstance(value, dict) else None
    return str(value).lower() == wanted if isinstance(value, bool) else bool(value == wanted)


def scripted_stripe(truth: Truth) -> Litestar:
    """The HTTP of it."""

    def refused(_: Request[Any, Any, Any], error: Refused) -> Response[Thing]:
        return Response(error.body, status_code=error.status)

    def checked(request: Request[Any, Any, Any]) -> None:
        if request.headers.get("authorization") != f"Bearer {SECRET_KEY}":
            raise Refused(401, "Invalid API Key provided")

    @route("/v1/{path:path}", http_method=["GET", "POST"], status_code=200)
    async def answer(path: FromPath[str], request: Request[Any, Any, Any]) -> Thing:
        checked(request)
        wanted = str(path).strip("/")
        if request.method == "GET":
            return await truth.answer(wanted, dict(parse_qsl(request.url.query)))
        if wanted == "checkout/sessions":
            return truth.open_session(dict(parse_qsl((await request.body()).decode())))
        raise Refused(404, f"Unrecognized request URL (POST: /v1/{wanted})")

    return Litestar([answer], exception_handlers={Refused: refused}, openapi_config=None)
