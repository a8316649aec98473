"""Of two who send a file for one video the slower is refused, when the whole of it is on the disk already."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from application.ports.video_platform import OwnPlatform
from application.recall import Records
from domain.video.video import UploadNotExpected, Video, VideoStatus


@asynccontextmanager
async def kept_if_expected(records: Records, own: OwnPlatform, video_id: UUID, sha256: str) -> AsyncGenerator[None]:
    """While an upload that is there is recorded: where that is refused it is removed, unless it is just worked on.

    Raises what the block raises.
    """
    try:
        yield
    except UploadNotExpected:
        video = (await records.recall(Video, video_id)).existing()
        if (video.status, video.upload_sha256) != (VideoStatus.PROCESSING, sha256):
            await own.forget_upload(video_id, sha256)
        raise
