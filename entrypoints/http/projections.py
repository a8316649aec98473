"""The read models, for admins: how they stand, and rebuilding them."""

from typing import Annotated, Literal

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath

from application.ports.read_models import ReadModelStatus, Rebuilding
from entrypoints.http.authentication import SignedInAs
from entrypoints.http.given import GivenProjections
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after

Count = Annotated[int, msgspec.Meta(ge=0)]


class RebuildingView(msgspec.Struct, frozen=True, kw_only=True):
    """A rebuild under way; `progress` from 0 to 1 of the facts that there are."""

    generation: Annotated[int, msgspec.Meta(ge=1, examples=[4])]
    position: Annotated[Count, msgspec.Meta(examples=[250_000])]
    target: Annotated[Count, msgspec.Meta(examples=[1_000_000])]
    progress: Annotated[float, msgspec.Meta(ge=0, le=1, examples=[0.25])]


class ProjectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A read model; `lag` in facts behind the ledger, `kept` the generations that one may roll back to.

    `rebuild_error` is why the rebuild that was last asked for could not be done, until another is asked for or done.
    """

    name: Annotated[str, msgspec.Meta(examples=["catalogue"])]
    position: Annotated[Count, msgspec.Meta(examples=[1_000_000])]
    lag: Annotated[Count, msgspec.Meta(examples=[0])]
    state: Literal["live", "degraded"]
    generation: Annotated[int, msgspec.Meta(ge=1, examples=[3])]
    version: Annotated[Count, msgspec.Meta(examples=[1])]
    trouble: Annotated[str | None, msgspec.Meta(examples=[None])]
    kept: Annotated[tuple[int, ...], msgspec.Meta(examples=[[2]])]
    rebuilding: RebuildingView | None
    rebuild_requested: bool
    rebuild_error: Annotated[str | None, msgspec.Meta(examples=[None])]


class AdminProjectionController(Controller):
    path = "/admin/projections"
    tags = ("Operations",)
    guards = (SignedInAs("admin"),)

    @get(operation_id="list_projections", summary="The read models", refuses=(INVALID_CURSOR,))
    async def listing(
        self, projections: GivenProjections, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[ProjectionView]:
        """By name; `degraded` is one that could not take a fact, and `trouble` says which."""
        after = position_after(cursor) or 0
        numbered = list(enumerate(await projections.statuses(), start=1))[after : after + limit + 1]
        return page_of(numbered, limit, view=lambda entry: projection_view(entry[1]), key=lambda entry: entry[0])

    @post(
        "/{name:str}/rebuild",
        operation_id="rebuild_projection",
        summary="Rebuild a read model",
        middleware=(Idempotent,),
        status_code=202,
    )
    async def rebuild(self, name: FromPath[str], projections: GivenProjections) -> ProjectionView:
        """A worker builds it anew from the whole ledger, beside the live one, and swaps.

        The request is kept until that is done, so that asking again changes nothing. Look at `rebuilding` for how far
        it is, at `generation` for when it is live, and at `rebuild_error` for why it could not be done.
        """
        return projection_view(await projections.request_rebuild(name))


def projection_view(status: ReadModelStatus) -> ProjectionView:
    return ProjectionView(
        name=status.name,
        position=status.position,
        lag=status.lag,
        state=status.state,
        generation=status.generation,
        version=status.version,
        trouble=status.trouble,
        kept=status.kept,
        rebuilding=_rebuilding_view(status.rebuilding) if status.rebuilding else None,
        rebuild_requested=status.rebuild_requested,
        rebuild_error=status.rebuild_error,
    )


def _rebuilding_view(rebuilding: Rebuilding) -> RebuildingView:
    return RebuildingView(
        generation=rebuilding.generation,
        position=rebuilding.position,
        target=rebuilding.target,
        progress=round(rebuilding.progress, 4),
    )
