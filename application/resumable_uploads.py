"""Uploads that go on where they broke off."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.errors import NotFound
from application.platforms import Platforms
from application.ports.ledger import Position
from application.ports.resumable_upload import Checksum, ResumableUpload, UploadOffsetConflict
from application.ports.world import Clock
from application.recall import Asked, Records
from application.refused_uploads import kept_if_expected
from domain.shared.fact import Actor, Cause
from domain.video.video import UploadNotExpected, Video, VideoStatus


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an upload is there, in bytes; `position` is where the ledger stands once all of it is."""

    offset: int
    length: int
    expires_at: datetime
    position: Position | None = None


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent in one go; `size_bytes` where it is said beforehand."""

    offset: int
    chunks: AsyncIterator[bytes]
    size_bytes: int | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableUploads:
    """Use cases of whoever has the upload link of a video: it is the leave to send the file."""

    records: Records
    platforms: Platforms
    business_time: Clock

    async def look(self, video_id: UUID, upload_token: str, cause: Cause) -> Progress:
        """Where to go on. Where all has come and a crash kept it from being recorded, that is done now.

        Raises:
            NotFound, UploadLinkInvalid, UploadInUse, UploadNotExpected.
        """
        async with self.platforms.own.resume(video_id, upload_token, now=self.business_time.now()) as upload:
            video = await self._video(video_id, upload)
            if video.expects_upload():
                return await self._progress(video_id, upload, cause)
            await upload.drop()
            if video.upload_size_bytes != upload.length:
                raise UploadNotExpected(f"This video is {video.status}; it takes no upload.")
            return Progress(offset=upload.length, length=upload.length, expires_at=upload.expires_at)

    async def take(self, video_id: UUID, upload_token: str, piece: Piece, cause: Cause) -> Progress:
        """Add a piece; with the last one the upload is received.

        Raises:
            NotFound, UploadNotExpected, UploadLinkInvalid, UploadInUse, UploadOffsetConflict,
            UploadLongerThanAnnounced, ChecksumMismatch, UploadStalled, StorageFull.
        """
        async with self.platforms.own.resume(video_id, upload_token, now=self.business_time.now()) as upload:
            (await self._video(video_id, upload)).expect_upload()
            if piece.offset != upload.offset:
                raise UploadOffsetConflict(f"The next piece begins at {upload.offset}, not at {piece.offset}.")
            await upload.append(piece.chunks, size_bytes=piece.size_bytes, checksum=piece.checksum)
            return await self._progress(video_id, upload, cause)

    async def _video(self, video_id: UUID, upload: ResumableUpload) -> Video:
        """Raises NotFound; of one that was deleted nothing is kept."""
        video = (await self.records.recall(Video, video_id)).existing()
        if video.status is VideoStatus.DELETED:
            await upload.drop()
            raise NotFound
        return video

    async def _progress(self, video_id: UUID, upload: ResumableUpload, cause: Cause) -> Progress:
        offset = upload.offset
        position = await self._receive(video_id, upload, cause) if offset == upload.length else None
        return Progress(offset=offset, length=upload.length, expires_at=upload.expires_at, position=position)

    async def _receive(self, video_id: UUID, upload: ResumableUpload, cause: Cause) -> Position:
        sha256 = await upload.whole()
        async with kept_if_expected(self.records, self.platforms.own, video_id, sha256):
            decided = await self.records.decide(
                Video,
                video_id,
                Asked(Actor("admin", "upload-link"), cause),
                lambda video: video.receive_upload(size_bytes=upload.length, sha256=sha256),
            )
        await upload.drop()
        return decided.position

    async def drop(self, video_id: UUID, upload_token: str) -> None:
        """Throw away what has come; the link stays good, and the upload begins anew.

        Raises:
            UploadLinkInvalid, UploadInUse.
        """
        async with self.platforms.own.resume(video_id, upload_token, now=self.business_time.now()) as upload:
            await upload.drop()
