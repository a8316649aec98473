"""Where one is signed in."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Controller, delete, get
from litestar.params import FromPath

from application.ports.sign_in import SignedInPlace
from entrypoints.http.authentication import SignedInAs, Viewer
from entrypoints.http.given import GivenSigningIn
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """One place; `current` is the one that asks. It ends by itself at `expires_at`, unless it is refreshed before."""

    id: UUID
    current: bool
    started_at: datetime
    refreshed_at: datetime | None
    expires_at: datetime


class SessionController(Controller):
    path = "/me/sessions"
    tags = ("Accounts",)
    guards = (SignedInAs(),)

    @get(operation_id="list_my_sessions", summary="Where am I signed in", refuses=(INVALID_CURSOR,))
    async def list_mine(
        self, viewer: Viewer, signing_in: GivenSigningIn, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[SessionView]:
        """Newest first."""
        places = await signing_in.places(viewer.account_id, before=position_after(cursor), limit=limit + 1)

        def view(place: SignedInPlace) -> SessionView:
            return SessionView(
                id=place.session_id,
                current=place.session_id == viewer.session_id,
                started_at=place.started_at,
                refreshed_at=place.refreshed_at,
                expires_at=place.expires_at,
            )

        return page_of(places, limit, view=view, key=lambda place: place.number)

    @delete("/{session_id:uuid}", operation_id="end_my_session", summary="Sign out there")
    async def end(self, session_id: FromPath[UUID], viewer: Viewer, signing_in: GivenSigningIn) -> None:
        """Its tokens are worth nothing at once, and what it plays stops."""
        await signing_in.sign_out_of(viewer.account_id, session_id)
