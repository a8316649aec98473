"""The catalogue, and how admins put videos into it."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from application.errors import NotFound
from application.ports.video_platform import UploadTooLarge
from application.videos import NewVideo
from domain.video.video import Audience, VideoNotReady
from entrypoints.http.authentication import ByRequest, MaybeSignedIn, MaybeViewer, SignedInAs
from entrypoints.http.given import GivenVideos
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.positions import at
from entrypoints.http.texts import NO_NUL, AskedText, Line, Prose, Word
from entrypoints.http.video_views import CreatedVideoView, VideoView, upload_view, video_view

UPLOAD_BYTES_MAX = 2**40

Category = Annotated[str, msgspec.Meta(max_length=60, pattern=NO_NUL, examples=["documentary"])]
Filename = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=NO_NUL, examples=["lighthouse.mp4"])]

AskedAudience = Annotated[
    str | None, QueryParameter(pattern="^(free|subscribers)$", schema_extra={"enum": ["free", "subscribers"]})
]


class VideoToMake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`requires` is a feature that the viewer's plan must give, null for any plan; `size` in bytes."""

    title: Annotated[Line, msgspec.Meta(examples=["The lighthouse"])]
    description: Prose = ""
    category: Category = ""
    access: Audience
    requires: Word | None = None
    filename: Filename | None = None
    size: Annotated[int, msgspec.Meta(ge=1, le=UPLOAD_BYTES_MAX, examples=[104857600])] | None = None


class VideoController(Controller):
    path = "/videos"
    tags = ("Videos",)

    @get(operation_id="list_videos", summary="The catalogue", refuses=(INVALID_CURSOR,))
    async def listing(
        self,
        videos: GivenVideos,
        q: AskedText = None,
        category: AskedText = None,
        access: AskedAudience = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Page[VideoView]:
        """Published videos, the last published first; `q` searches their titles."""
        shown = await videos.page(
            query=q, category=category, access=access, before=position_after(cursor), limit=limit + 1
        )
        return page_of(shown, limit, view=video_view, key=lambda one: one.video.published_position)

    @get("/{video_id:uuid}", operation_id="read_video", summary="One video", guards=[MaybeSignedIn()])
    async def read(self, video_id: FromPath[UUID], viewer: MaybeViewer, videos: GivenVideos) -> VideoView:
        """One that is not published exists for admins alone."""
        is_admin = viewer is not None and viewer.role == "admin"
        return video_view(await videos.shown(video_id, to_admin=is_admin))


class AdminVideoController(Controller):
    path = "/admin/videos"
    tags = ("Videos",)
    guards = (SignedInAs("admin"),)

    @post(operation_id="create_video", summary="Make a video", middleware=(Idempotent,), refuses=(UploadTooLarge,))
    async def create(
        self, data: JSONBody[VideoToMake], videos: GivenVideos, asked: ByRequest
    ) -> Response[CreatedVideoView]:
        """Answers where the bytes go: straight to the platform."""
        created = await videos.create(_new_video(data), asked)
        video = video_view(await videos.just_recorded(created.video_id))
        return at(created.position, CreatedVideoView(video, upload_view(created.upload)))

    @post(
        "/{video_id:uuid}/publish",
        operation_id="publish_video",
        summary="Publish a video",
        status_code=200,
        refuses=(VideoNotReady,),
    )
    async def publish(self, video_id: FromPath[UUID], videos: GivenVideos, asked: ByRequest) -> Response[VideoView]:
        """From now on it is in the catalogue."""
        decided = await videos.publish(video_id, asked)
        return at(decided.position, video_view(await videos.just_recorded(video_id)))

    @post(
        "/{video_id:uuid}/unpublish",
        operation_id="unpublish_video",
        summary="Take a video out of the catalogue",
        status_code=200,
        refuses=(NotFound,),
    )
    async def unpublish(self, video_id: FromPath[UUID], videos: GivenVideos, asked: ByRequest) -> Response[VideoView]:
        """Nobody can start to play it any more."""
        decided = await videos.unpublish(video_id, asked)
        return at(decided.position, video_view(await videos.just_recorded(video_id)))


def _new_video(body: VideoToMake) -> NewVideo:
    return NewVideo(
        title=body.title,
        description=body.description,
        category=body.category,
        access=body.access,
        requires=body.requires,
        size=body.size,
    )
