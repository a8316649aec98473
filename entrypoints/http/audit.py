"""The ledger, for auditors: what was recorded, one person's story, and who had access when."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter, SkipValidation
from litestar.response import Stream

from application.audit import Told
from application.ports.ledger import POSITION_MAX, FactNotReadable, HistoryFilter, Recorded, Unreadable
from domain.access.access import Access
from entrypoints.http.audit_views import EventView, event_view
from entrypoints.http.authentication import SignedInAs, Viewer
from entrypoints.http.given import GivenAudit, GivenBusinessTime, GivenSigningIn
from entrypoints.http.long_answers import while_signed_in
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.texts import AskedFlag, AskedId, AskedText, id_in
from entrypoints.http.times import OUT_OF_RANGE, asked_moment

NDJSON = "application/x-ndjson"
BLOCK_BYTES = 64 * 1024

After = Annotated[int, QueryParameter(ge=0, le=POSITION_MAX, description="Only facts beyond this position.")]
UpTo = Annotated[int, QueryParameter(ge=0, le=POSITION_MAX, description="Only facts up to this position.")]
From = Annotated[
    str | None, QueryParameter(name="from", format="date-time", description="Recorded at this time or later.")
]
To = Annotated[str | None, QueryParameter(name="to", format="date-time", description="Recorded before this time.")]
At = Annotated[
    str | None, QueryParameter(format="date-time", description="The moment to ask about; now, if it is left out.")
]


def provide_wanted(
    *,
    after: After = 0,
    up_to: UpTo = POSITION_MAX,
    stream: AskedId = None,
    type: AskedText = None,
    account: AskedId = None,
    since: From = None,
    until: To = None,
    cursor: Cursor = None,
) -> HistoryFilter:
    """Which facts a request asks for; a cursor goes on where its page ended."""
    return HistoryFilter(
        after=max(after, position_after(cursor) or 0),
        up_to=up_to,
        stream=id_in(stream),
        type=type,
        account=id_in(account),
        since=asked_moment("from", since),
        until=asked_moment("to", until),
    )


Wanted = NamedDependency[SkipValidation[HistoryFilter]]


class AuditController(Controller):
    path = "/audit"
    tags = ("Audit",)
    guards = (SignedInAs("auditor", "admin"),)

    @get(
        "/events",
        operation_id="list_events",
        summary="The ledger",
        dependencies={"wanted": Provide(provide_wanted, sync_to_thread=False)},
        refuses=(INVALID_CURSOR, OUT_OF_RANGE),
        streams=NDJSON,
    )
    async def events(
        self,
        *,
        request: Request[Any, Any, Any],
        viewer: Viewer,
        audit: GivenAudit,
        signing_in: GivenSigningIn,
        wanted: Wanted,
        stored: AskedFlag = False,
        limit: Limit = 20,
    ) -> Page[EventView] | Stream:
        """In order, oldest first. One that cannot be read is among them, and says so.

        With `Accept: application/x-ndjson` all of it in one answer, one fact to a line, unless a `limit` is given; it
        ends with what was recorded when it began.
        """

        def view(recorded: Recorded | Unreadable) -> EventView:
            return event_view(recorded, masked=viewer.role != "admin", stored=stored)

        if request.accept.best_match(["application/json", NDJSON]) == NDJSON:
            # Asked before the answer begins, so that a database that is away is still a 503.
            bounds = await audit.bounded(wanted)
            lines = _lines(audit.replay(bounds), view, limit if "limit" in request.query_params else None)
            # As a header, since Litestar 2 lets the handler's media type outweigh that of a Stream.
            return Stream(while_signed_in(request, signing_in, lines), headers={"Content-Type": NDJSON})
        recorded = await _first(limit + 1, audit.events(wanted, page_size=limit + 1))
        return page_of(recorded, limit, view=view, key=lambda entry: entry.position)

    @get("/accounts/{account_id:uuid}/timeline", operation_id="read_timeline", summary="One person's facts in words")
    async def timeline(
        self, *, account_id: FromPath[UUID], audit: GivenAudit, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[Told]:
        """Oldest first, each with what caused it."""
        told = await audit.timeline(account_id, after=position_after(cursor) or 0, limit=limit + 1)
        return page_of(told, limit, view=lambda one: one, key=lambda one: one.position)

    @get(
        "/accounts/{account_id:uuid}/access",
        operation_id="read_access",
        summary="Who had access when, and why",
        refuses=(OUT_OF_RANGE, FactNotReadable),
    )
    async def access(
        self,
        *,
        account_id: FromPath[UUID],
        audit: GivenAudit,
        business_time: GivenBusinessTime,
        at: At = None,
        video_id: AskedId = None,
        hindsight: AskedFlag = False,
    ) -> Access:
        """By the facts recorded until then; with `hindsight`, by all that is known now about then."""
        moment = asked_moment("at", at) or business_time.now()
        return await audit.access_at(account_id, at=moment, video_id=id_in(video_id), hindsight=hindsight)


async def _lines(
    facts: AsyncGenerator[Recorded | Unreadable, None],
    view: Callable[[Recorded | Unreadable], EventView],
    limit: int | None,
) -> AsyncGenerator[bytes, None]:
    """In blocks of whole lines. The next facts are read when the last block has been taken, by a connection of then."""
    block, count = bytearray(), 0
    async with aclosing(facts):
        async for recorded in facts:
            block += msgspec.json.encode(view(recorded)) + b"\n"
            count += 1
            if count == limit:
                break
            if len(block) >= BLOCK_BYTES:
                yield bytes(block)
                block.clear()
    yield bytes(block)


async def _first(count: int, events: AsyncIterator[Recorded | Unreadable]) -> list[Recorded | Unreadable]:
    found: list[Recorded | Unreadable] = []
    async for recorded in events:
        found.append(recorded)
        if len(found) == count:
            break
    if isinstance(events, AsyncGenerator):
        await events.aclose()
    return found
