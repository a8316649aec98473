"""The ledger, for auditors: what was recorded, one person's story, and who had access when."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import dropwhile
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter, SkipValidation
from litestar.response import Stream

from application.audit import Audit, Told
from application.ports.ledger import HistoryFilter, Recorded
from domain.access.access import Access
from entrypoints.http.audit_views import EventView, event_view
from entrypoints.http.authentication import SignedInAs, Viewer
from entrypoints.http.given import GivenAudit, GivenBusinessTime
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.texts import POSITION_MAX, AskedFlag, AskedId, AskedText, id_in
from entrypoints.http.times import OUT_OF_RANGE, asked_moment

NDJSON = "application/x-ndjson"

After = Annotated[int, QueryParameter(ge=0, le=POSITION_MAX, description="Only facts beyond this position.")]
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
        wanted: Wanted,
        stored: AskedFlag = False,
        limit: Limit = 20,
    ) -> Page[EventView] | Stream:
        """In order, oldest first. With `Accept: application/x-ndjson` all of it, one fact to a line, in one answer."""

        def view(recorded: Recorded) -> EventView:
            return event_view(recorded, masked=viewer.role != "admin", stored=stored)

        if request.accept.best_match(["application/json", NDJSON]) == NDJSON:
            # As a header, since Litestar 2 lets the handler's media type outweigh that of a Stream.
            return Stream(_lines(audit, wanted, view), headers={"Content-Type": NDJSON})
        recorded = await _first(audit, wanted, limit + 1)
        return page_of(recorded, limit, view=view, key=lambda entry: entry.fact.position)

    @get("/accounts/{account_id:uuid}/timeline", operation_id="read_timeline", summary="One person's facts in words")
    async def timeline(
        self, *, account_id: FromPath[UUID], audit: GivenAudit, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[Told]:
        """Oldest first, each with what caused it."""
        seen = position_after(cursor) or 0
        told = list(dropwhile(lambda one: one.position <= seen, await audit.timeline(account_id)))
        return page_of(told, limit, view=lambda one: one, key=lambda one: one.position)

    @get(
        "/accounts/{account_id:uuid}/access",
        operation_id="read_access",
        summary="Who had access when, and why",
        refuses=(OUT_OF_RANGE,),
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


async def _lines(audit: Audit, wanted: HistoryFilter, view: Callable[[Recorded], EventView]) -> AsyncIterator[bytes]:
    async for recorded in audit.events(wanted):
        yield msgspec.json.encode(view(recorded)) + b"\n"


async def _first(audit: Audit, wanted: HistoryFilter, count: int) -> list[Recorded]:
    found: list[Recorded] = []
    events = audit.events(wanted, page_size=count)
    async for recorded in events:
        found.append(recorded)
        if len(found) == count:
            break
    if isinstance(events, AsyncGenerator):
        await events.aclose()
    return found
