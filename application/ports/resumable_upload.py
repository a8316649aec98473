"""An upload that comes in pieces, over as many connections as it takes."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal, Protocol, get_args

import msgspec

ChecksumAlgorithm = Literal["md5", "sha1", "sha256"]
CHECKSUM_ALGORITHMS: tuple[ChecksumAlgorithm, ...] = get_args(ChecksumAlgorithm)


class Checksum(msgspec.Struct, frozen=True):
    """What the bytes of one piece must come to."""

    algorithm: ChecksumAlgorithm
    digest: bytes


class UploadSizeNeeded(Exception):
    """An upload that can be resumed says its size beforehand."""


class UploadInUse(Exception):
    """Somebody else is sending to this upload at this moment; try again."""


class UploadOffsetConflict(Exception):
    """The piece does not begin where the upload stands."""


class UploadLongerThanAnnounced(Exception):
    """More bytes came than the upload was said to have; they are not kept."""


class ChecksumMismatch(Exception):
    """The bytes of the piece do not come to its checksum; they are not kept."""


class ResumableUpload(Protocol):
    """An upload as far as it has come, held: nobody else sends to it meanwhile. Sizes and offsets in bytes."""

    length: int
    expires_at: datetime

    @property
    def offset(self) -> int:
        """Where the next piece begins."""
        ...

    async def append(
        self, chunks: AsyncIterator[bytes], *, size_bytes: int | None = None, checksum: Checksum | None = None
    ) -> None:
        """Add a piece; when it returns the piece is on the disk. `size_bytes` is how long it is said to be.

        What has come of a piece that breaks off is kept, and counts, unless it has a checksum.

        Raises:
            UploadLongerThanAnnounced, ChecksumMismatch: nothing of what is too much, or of the piece, is kept.
            UploadStalled: no byte came for too long, or for a moment while somebody else wants to go on with it.
            StorageFull: the disk is full.
        """
        ...

    async def whole(self) -> str:
        """Put all of it where it is processed from; its SHA-256 in hexadecimal. Asked again after a crash, the same.

        Raises:
            UploadLinkInvalid: the video was deleted meanwhile.
        """
        ...

    async def drop(self) -> None:
        """Remove what has come, so that it begins anew; what `whole` has put elsewhere stays."""
        ...
