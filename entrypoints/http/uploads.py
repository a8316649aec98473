"""The upload link of the local platform: the file of a video, of any size, streamed to the disk.

In one go (PUT), or in pieces, as https://tus.io/protocols/resumable-upload has it; the link is for one of the two.
"""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, patch, put, route
from litestar.enums import HttpMethod
from litestar.params import FromPath

from application.ports.resumable_upload import (
    ChecksumMismatch,
    UploadInUse,
    UploadLongerThanAnnounced,
    UploadOffsetConflict,
)
from application.ports.video_platform import StorageFull, UploadLinkInvalid, UploadStalled, UploadTooLarge
from domain.video.video import UploadNotExpected
from entrypoints.http.authentication import BecauseOf
from entrypoints.http.given import GivenResumableUploads, GivenVideos
from entrypoints.http.middleware import OPTIONS_SAY
from entrypoints.http.positions import at
from entrypoints.http.tus import (
    ABILITIES,
    ASKED_CHECKSUM,
    ASKED_OFFSET,
    ASKED_VERSION,
    BAD_HEADER,
    HERE,
    NO_PIECE,
    PIECE,
    SAID_ALL,
    SAID_PROGRESS,
    SAID_VERSION,
    VERSION_UNSUPPORTED,
    answer_in_tus,
    filled,
    piece_in,
    speaks_tus,
    told,
)

IN_TUS: dict[int | type[Exception], Any] = {Exception: answer_in_tus}


class UploadController(Controller):
    path = "/uploads/{token:str}/{video_id:uuid}"
    tags = ("Videos",)
    opt = {OPTIONS_SAY: ABILITIES}  # noqa: RUF012  # as Litestar declares it

    @put(
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

    @route(
        http_method=[HttpMethod.HEAD],
        operation_id="look_at_upload",
        summary="How much of a file is there",
        status_code=200,
        guards=[speaks_tus],
        exception_handlers=IN_TUS,
        asks=(ASKED_VERSION,),
        says=SAID_ALL,
        refuses=(UploadInUse, UploadLinkInvalid, UploadNotExpected, VERSION_UNSUPPORTED),
    )
    async def look(
        self, token: FromPath[str], video_id: FromPath[UUID], resumable_uploads: GivenResumableUploads, cause: BecauseOf
    ) -> Response[None]:
        """Where to go on after a break."""
        return told(await resumable_uploads.look(video_id, token, cause), status=200)

    @patch(
        operation_id="send_piece",
        summary="Send a piece of the file of a video",
        status_code=204,
        request_max_body_size=None,  # The platform has its own limit, and counts what it writes.
        guards=[speaks_tus],
        exception_handlers=IN_TUS,
        takes=PIECE,
        asks=(ASKED_VERSION, ASKED_OFFSET, ASKED_CHECKSUM),
        says=SAID_PROGRESS,
        refuses=(
            BAD_HEADER,
            ChecksumMismatch,
            NO_PIECE,
            StorageFull,
            UploadInUse,
            UploadLinkInvalid,
            UploadLongerThanAnnounced,
            UploadNotExpected,
            UploadOffsetConflict,
            UploadStalled,
            VERSION_UNSUPPORTED,
        ),
    )
    async def send(
        self,
        token: FromPath[str],
        video_id: FromPath[UUID],
        request: Request[Any, Any, Any],
        resumable_uploads: GivenResumableUploads,
        cause: BecauseOf,
    ) -> Response[None]:
        """The last byte makes the upload received. Whether it is a video is found out afterwards, as after a PUT."""
        return told(await resumable_uploads.take(video_id, token, piece_in(request), cause), status=204)

    @delete(
        operation_id="drop_upload",
        summary="Throw away what has come of a file",
        status_code=204,
        guards=[speaks_tus],
        exception_handlers=IN_TUS,
        asks=(ASKED_VERSION,),
        says=SAID_VERSION,
        refuses=(UploadInUse, UploadLinkInvalid, VERSION_UNSUPPORTED),
    )
    async def drop(
        self, token: FromPath[str], video_id: FromPath[UUID], resumable_uploads: GivenResumableUploads
    ) -> Response[None]:
        """The link stays good: the next piece begins at 0."""
        await resumable_uploads.drop(video_id, token)
        return Response(None, headers=HERE)
