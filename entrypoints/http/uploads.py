"""The upload link of the local platform: the file itself, of any size, streamed to the disk."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, put
from litestar.params import FromPath

from application.ports.video_platform import StorageFull, UploadLinkInvalid, UploadStalled, UploadTooLarge
from domain.video.video import UploadNotExpected
from entrypoints.http.authentication import BecauseOf
from entrypoints.http.given import GivenVideos
from entrypoints.http.positions import at


class UploadController(Controller):
    path = "/uploads"
    tags = ("Videos",)

    @put(
        "/{token:str}/{video_id:uuid}",
        operation_id="upload_video",
        summary="Send the file of a video",
        status_code=204,
        request_max_body_size=None,  # The platform has its own limit, and counts what it writes.
        takes="application/octet-stream",
        refuses=(StorageFull, UploadLinkInvalid, UploadNotExpected, UploadStalled, UploadTooLarge),
    )
    async def upload(
        self,
        token: FromPath[str],
        video_id: FromPath[UUID],
        request: Request[Any, Any, Any],
        videos: GivenVideos,
        cause: BecauseOf,
    ) -> Response[None]:
        """The link is the leave to send it. Whether it is a video is found out afterwards: see the video's `status`."""
        decided = await videos.receive_upload(video_id, token, filled(request.stream()), cause)
        return at(decided.position, None)


async def filled(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks without the empty one that ends a request's stream."""
    async for chunk in chunks:
        if chunk:
            yield chunk
