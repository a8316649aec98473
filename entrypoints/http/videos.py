"""The catalogue."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, QueryParameter

from entrypoints.http.authentication import MaybeSignedIn, MaybeViewer
from entrypoints.http.given import GivenVideos
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.texts import AskedText
from entrypoints.http.video_views import VideoView, video_view

AskedAudience = Annotated[
    str | None, QueryParameter(pattern="^(free|subscribers)$", schema_extra={"enum": ["free", "subscribers"]})
]


CATALOGUE_PATH = "/v1/videos"


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
        """Published videos, the last published first; `q` searches their titles. A page may be a second old."""
        shown = await videos.page(
            query=q, category=category, access=access, before=position_after(cursor), limit=limit + 1
        )
        return page_of(shown, limit, view=video_view, key=lambda one: one.video.published_position)

    @get("/{video_id:uuid}", operation_id="read_video", summary="One video", guards=[MaybeSignedIn()])
    async def read(self, video_id: FromPath[UUID], viewer: MaybeViewer, videos: GivenVideos) -> VideoView:
        """One that is not published exists for admins alone."""
        is_admin = viewer is not None and viewer.role == "admin"
        return video_view(await videos.shown(video_id, to_admin=is_admin))
