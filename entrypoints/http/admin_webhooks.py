"""What providers sent and what became of it, for admins; and sweeps for what never came."""

from datetime import datetime
from typing import Annotated, get_args
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, QueryParameter

from application.ports.inbox import Entry, Status
from application.ports.sweeps import Sweep, SweepKind, SweepStatus
from entrypoints.http.authentication import SignedInAs
from entrypoints.http.given import GivenInbox, GivenSweeping
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after

RECENT_MAX = 20

Count = Annotated[int, msgspec.Meta(ge=0)]
WithStatus = Annotated[
    str | None,
    QueryParameter(
        pattern=f"^({'|'.join(get_args(Status))})$",
        schema_extra={"enum": list(get_args(Status))},
        description="Only those of this status.",
    ),
]


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery. `processing`: a worker is asking about its customer right now.

    `parked`: nobody here is known to be its customer, or the provider cannot say whose it is. `failed`: its tries are
    used up. `error` says why, or what the last failed try said. `due_at`: when it is looked at next by itself.
    """

    id: UUID
    provider: Annotated[str, msgspec.Meta(examples=["stripe"])]
    event_id: Annotated[str, msgspec.Meta(examples=["evt_1NG8Du2eZvKYlo2CUI79vXWy"])]
    type: Annotated[str, msgspec.Meta(examples=["customer.subscription.updated"])]
    customer_id: Annotated[str | None, msgspec.Meta(examples=["cus_NffrFeUfNV2Hib"])]
    status: Status
    attempts: Annotated[Count, msgspec.Meta(examples=[0])]
    error: Annotated[str | None, msgspec.Meta(examples=[None])]
    livemode: bool
    api_version: Annotated[str | None, msgspec.Meta(examples=["2026-10-28.endive"])]
    created_at: datetime
    received_at: datetime
    settled_at: datetime | None
    due_at: datetime | None


class RepairView(msgspec.Struct, frozen=True):
    """An account, and the facts that a sweep recorded about it."""

    account_id: UUID
    positions: tuple[int, ...]


class SweepView(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep. `undelivered`: events that the provider could not deliver are kept as if they had come.

    `customers`: everybody who has a subscription or has bought something at the provider, or has an open term here, is
    asked about. `examined` are
    events or customers, `kept` the events that had not come, `passed_over` the customers who
    are bound to no account here, `troubles` the customers about whom nothing could be
    settled. `repaired` names the first 1,000 of the `repairs` accounts about which facts had to be recorded.
    """

    id: UUID
    kind: SweepKind
    cause: Annotated[str, msgspec.Meta(examples=["schedule"])]
    status: SweepStatus
    requested_at: datetime
    begun_at: datetime | None
    finished_at: datetime | None
    examined: Annotated[Count, msgspec.Meta(examples=[1_200])]
    kept: Annotated[Count, msgspec.Meta(examples=[0])]
    passed_over: Annotated[Count, msgspec.Meta(examples=[0])]
    troubles: Annotated[Count, msgspec.Meta(examples=[0])]
    repairs: Annotated[Count, msgspec.Meta(examples=[1])]
    repaired: tuple[RepairView, ...]
    error: Annotated[str | None, msgspec.Meta(examples=[None])]


class SweepsView(msgspec.Struct, frozen=True):
    """The sweeps that were asked for, one of each kind, and those that were there before, the newest first."""

    sweeps: tuple[SweepView, ...]
    recent: tuple[SweepView, ...]


class AdminWebhookController(Controller):
    path = "/admin/webhooks"
    tags = ("Webhooks",)
    guards = (SignedInAs("admin"),)

    @get(operation_id="list_webhooks", summary="What providers sent", refuses=(INVALID_CURSOR,))
    async def listing(
        self, inbox: GivenInbox, status: WithStatus = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[DeliveryView]:
        """The newest first, with what became of each."""
        wanted = msgspec.convert(status, Status | None)
        entries = await inbox.listing(status=wanted, before=position_after(cursor), limit=limit + 1)
        return page_of(entries, limit, view=delivery_view, key=lambda entry: entry.id)

    @post("/{id:uuid}/retry", operation_id="retry_webhook", summary="Ask about a delivery again", status_code=202)
    async def retry(self, id: FromPath[UUID], inbox: GivenInbox) -> DeliveryView:
        """Due at once, and its tries begin anew, whatever became of it. It changes nothing that is right already."""
        return delivery_view(await inbox.retry(id))

    @get("/sweeps", operation_id="list_sweeps", summary="What sweeps repaired", refuses=(INVALID_CURSOR,))
    async def sweeps(self, sweeping: GivenSweeping, limit: Limit = 20, cursor: Cursor = None) -> Page[SweepView]:
        """The newest first, as `streamly webhooks sweeps` shows them."""
        sweeps = await sweeping.listing(before=position_after(cursor), limit=limit + 1)
        return page_of(sweeps, limit, view=sweep_view, key=lambda sweep: sweep.id)

    @post(
        "/sweep",
        operation_id="sweep_webhooks",
        summary="Look for what never came",
        middleware=(Idempotent,),
        status_code=202,
    )
    async def sweep(self, sweeping: GivenSweeping) -> SweepsView:
        """A worker begins at once. Asked for again before it has begun, it is the same sweep.

        `recent` tells what the ones before repaired: 20 of them.
        """
        requested = await sweeping.request("admin")
        before = min(sweep.id for sweep in requested)
        recent = await sweeping.listing(before=before, limit=RECENT_MAX)
        return SweepsView(tuple(map(sweep_view, requested)), tuple(map(sweep_view, recent)))


def delivery_view(entry: Entry) -> DeliveryView:
    shown = {name: getattr(entry, name) for name in DeliveryView.__struct_fields__}
    return msgspec.convert(shown | {"id": UUID(int=entry.id)}, DeliveryView)


def sweep_view(sweep: Sweep) -> SweepView:
    shown = {name: getattr(sweep, name) for name in SweepView.__struct_fields__}
    repaired = tuple(RepairView(account_id, positions) for account_id, positions in sweep.repaired.items())
    return msgspec.convert(shown | {"id": UUID(int=sweep.id), "repaired": repaired}, SweepView)
