"""A tiny application on the real infrastructure: what all routes share, tried without any use case behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import msgspec
from litestar import Litestar, Request, Response, get, post, put
from litestar.params import FromPath, JSONBody, RawBody

from adapters.mail.addresses import EmailValidatorAddresses
from adapters.memory.idempotency import MemoryKeptAnswers
from adapters.memory.throttles import MemoryThrottles
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.sms.numbers import LibPhoneNumbers
from adapters.tracing.unrecorded import UnrecordedSpans
from application.errors import DatabaseUnavailable, NotSignedIn, NotYetVisible, UnknownPosition
from application.ports.ledger import StreamMoved
from application.ports.secrets import SignedIn
from application.ports.throttles import Rate
from application.throttling import Throttling
from application.tracing import note_account
from domain.access.access import Access, SubscriptionRequired
from domain.account.contacts import EmailTaken
from entrypoints.http.assembly import assemble
from entrypoints.http.authentication import ByRequest, MaybeSignedIn, MaybeViewer, SignedInAs, Viewer
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.metrics import Observed, RequestMetrics
from entrypoints.http.paging import Cursor, Limit, Page, page_of, position_after
from entrypoints.http.positions import at
from entrypoints.http.texts import NO_NUL
from entrypoints.http.throttled import Throttled, befriend

ANNA = UUID("a0000000-0000-4000-8000-000000000001")
HEAD_OF_THE_LEDGER = 40
VISIBLE = 30

AS_VIEWER = {"Authorization": "Bearer viewer"}
AS_ADMIN = {"Authorization": "Bearer admin"}


class Ticket(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    film: Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=NO_NUL, examples=["Nosferatu"])]
    seats: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    guests: list[str] = []
    extra: dict[str, Any] = {}


class Order(msgspec.Struct, frozen=True):
    number: int
    id: UUID


class NewIds:
    def new(self) -> UUID:
        return uuid4()


ORDERED: list[str] = []
SLOW_SECONDS = 0.3


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    email: str
    key: str


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    text: str | None = None


@post("/tickets", guards=[SignedInAs()])
async def buy(data: JSONBody[Ticket], viewer: Viewer) -> Response[Ticket]:
    assert viewer.account_id == ANNA
    return at(7, data)


@get("/tickets", guards=[SignedInAs()])
async def tickets(limit: Limit = 20, cursor: Cursor = None) -> Page[int]:
    after = position_after(cursor) or 0
    return page_of(list(range(after + 1, 46))[: limit + 1], limit, view=lambda one: one, key=lambda one: one)


@get("/tickets/{ticket_id:uuid}")
async def ticket(ticket_id: FromPath[UUID]) -> dict[str, str]:
    return {"id": str(ticket_id)}


@post("/screens", guards=[SignedInAs("admin", "auditor")])
async def screen(data: JSONBody[Ticket]) -> Ticket:
    return data


@post("/notes")
async def note(data: JSONBody[Note]) -> Note:
    return data


@get("/greeting", guards=[MaybeSignedIn()])
async def greeting(viewer: MaybeViewer) -> dict[str, str | None]:
    return {"role": viewer.role if viewer else None}


@get("/taken")
async def taken() -> None:
    raise EmailTaken("Somebody has registered with this address.")


@get("/unpaid")
async def unpaid() -> None:
    access = Access(
        granted=False, reason="no_subscription", until=None, features=(), deciding=(), otherwise="A plan would open it."
    )
    raise SubscriptionRequired("A plan would open it.", access=access, ledger_position=12)


@get("/broken")
async def broken() -> None:
    raise ZeroDivisionError("the secret is 42")


@get("/no-database")
async def no_database() -> None:
    raise DatabaseUnavailable("The database does not answer now.") from OSError("connection refused")


@post("/raw")
async def raw(body: RawBody) -> dict[str, int]:
    return {"bytes": len(body)}


@put("/files/{token:str}", request_max_body_size=None)
async def file(token: FromPath[str], request: Request[Any, Any, Any]) -> dict[str, int]:
    return {"bytes": sum([len(chunk) async for chunk in request.stream()])}


@post("/orders", guards=[SignedInAs()], middleware=[Idempotent])
async def order(data: JSONBody[Ticket], asked: ByRequest) -> Response[Order]:
    """What happens is for the film's name to say."""
    ORDERED.append(data.film)
    match data.film:
        case "moved":
            raise StreamMoved("Somebody else was quicker.")
        case "taken":
            raise EmailTaken("There is no seat left.")
        case "broken":
            raise ZeroDivisionError
        case "slow":
            await asyncio.sleep(SLOW_SECONDS)
        case _:
            pass
    return at(7, Order(len(ORDERED), asked.new_id("order", NewIds())))


@put("/uploads/{token:str}", request_max_body_size=None)
async def upload(token: FromPath[str], request: Request[Any, Any, Any]) -> dict[str, int]:
    """Beside /v1, as the real one is."""
    return {"bytes": sum([len(chunk) async for chunk in request.stream()])}


@post("/doors", throttled=Throttled("login", "email"), after_response=befriend("email"))
async def door(data: JSONBody[Key]) -> Key:
    if data.key != "the right one":
        raise EmailTaken("It is the wrong one.")
    return data


@post("/tills", guards=[SignedInAs()], throttled=Throttled("checkout", "account"))
async def till() -> None:
    """Takes no body."""


def throttling_of(**limits: Rate) -> Throttling:
    """In memory; what is not named is as good as unlimited."""
    names = ("login_peer", "login_account", "login_familiar", "checkout_peer", "checkout_account")
    rates = {name: [limits.get(name, Rate(10_000, 3600))] for name in names}
    return Throttling(
        throttles=MemoryThrottles(rates),
        addresses=EmailValidatorAddresses(),
        numbers=LibPhoneNumbers(),
        limits=frozenset(rates),
    )


UNTHROTTLED = throttling_of()


async def who_is(token: str) -> SignedIn:
    """A token is a role."""
    if token not in {"viewer", "admin", "auditor", "support"}:
        raise NotSignedIn("The access token is not good, or over.", "invalid_token")
    note_account(ANNA)
    return SignedIn(
        account_id=ANNA, session_id=UUID(int=1), role=token, expires_at=datetime(2026, 11, 20, 12, tzinfo=UTC)
    )


async def wait_for(position: int) -> None:
    if position > HEAD_OF_THE_LEDGER:
        raise UnknownPosition(f"The ledger has not reached position {position}.")
    if position > VISIBLE:
        raise NotYetVisible(f"The read models have not reached position {position} yet.")


def small_app(
    *,
    cors_origins: tuple[str, ...] = (),
    throttling: Throttling = UNTHROTTLED,
    requests: RequestMetrics | None = None,
) -> Litestar:
    return assemble(
        versioned=[
            broken,
            buy,
            door,
            file,
            greeting,
            no_database,
            note,
            order,
            raw,
            screen,
            taken,
            ticket,
            tickets,
            till,
            unpaid,
        ],
        beside=[upload],
        provided={},
        who_is=who_is,
        wait_for=wait_for,
        throttling=throttling,
        kept_answers=MemoryKeptAnswers(),
        observed=Observed(requests or PrometheusMetrics().requests, UnrecordedSpans()),
        cors_origins=cors_origins,
    )


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Talks to an application in this very loop."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar's own types
    async with httpx.AsyncClient(transport=transport, base_url="http://streamly.test") as client:
        yield client
