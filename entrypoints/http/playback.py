"""Watching: a session is started, tells how far it is, and ends."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, post
from litestar.params import FromPath, JSONBody
from litestar.types import Scope

from application.countries import NotInYourCountry
from application.errors import NotSignedIn
from application.playback import SessionEnded, TooManyStreams
from domain.access.access import AccountBlocked, PlanUpgradeRequired, SubscriptionRequired
from domain.video.video import VideoNotReady
from entrypoints.http.authentication import MaybeSignedIn, MaybeViewer
from entrypoints.http.given import GivenPlayback
from entrypoints.http.positions import at
from entrypoints.http.texts import NO_NUL
from entrypoints.http.throttled import Throttled
from entrypoints.http.video_views import PlaybackView, playback_view

LONGEST_SECONDS = 1_000_000

DeviceId = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_NUL, examples=["living-room"])]


class PlaybackToStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    device_id: DeviceId | None = None


class Heartbeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    position_seconds: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_SECONDS, examples=[61.5])]


class PlaybackController(Controller):
    tags = ("Playback",)
    guards = (MaybeSignedIn(),)

    @post(
        "/videos/{video_id:uuid}/playback",
        operation_id="start_playback",
        summary="Play a video",
        status_code=200,
        throttled=Throttled("playback", strangers_only=True),
        refuses=(
            AccountBlocked,
            NotInYourCountry,
            NotSignedIn,
            PlanUpgradeRequired,
            SubscriptionRequired,
            TooManyStreams,
            VideoNotReady,
        ),
    )
    async def start(
        self,
        video_id: FromPath[UUID],
        data: JSONBody[PlaybackToStart],
        viewer: MaybeViewer,
        playback: GivenPlayback,
        scope: Scope,
    ) -> Response[PlaybackView]:
        """A signed address that plays; or 402 with the reason, and the facts that it rests on.

        Where the plan limits how many devices play at once, 409 `too_many_streams` says which play (`streams`), and
        each of them may be ended; one with the same `device_id` is replaced. Beat every 30 seconds from now on.
        """
        account_id, sign_in_id = (viewer.account_id, viewer.session_id) if viewer else (None, None)
        started = await playback.start(
            account_id,
            video_id,
            device_id=data.device_id,
            sign_in_id=sign_in_id,
            country=scope["state"].get("country"),
        )
        return at(started.position, playback_view(video_id, started))

    @post(
        "/playback/{session_id:uuid}/heartbeat",
        operation_id="beat_playback",
        summary="Still playing",
        status_code=204,
        refuses=(SessionEnded,),
    )
    async def heartbeat(
        self, session_id: FromPath[UUID], data: JSONBody[Heartbeat], viewer: MaybeViewer, playback: GivenPlayback
    ) -> None:
        """Keeps the session, and the place at which the viewer resumes: every 30 seconds, also while it is paused.

        A session of which nothing is heard for 90 seconds is over, and its address with it: play the video again,
        from `resume_at_seconds` on.
        """
        account_id = viewer.account_id if viewer else None
        await playback.heartbeat(account_id, session_id, position_seconds=data.position_seconds)

    @delete("/playback/{session_id:uuid}", operation_id="end_playback", summary="Stop playing")
    async def end(self, session_id: FromPath[UUID], viewer: MaybeViewer, playback: GivenPlayback) -> None:
        """Its address stops working."""
        await playback.stop(viewer.account_id if viewer else None, session_id)
