"""The uploads of a video that another one took the place of: they take nothing any more, and nothing of them stays."""

from dataclasses import dataclass
from uuid import UUID

from application.platforms import Platforms
from application.recall import Records
from application.videos import reference
from domain.video.video import Video, VideoStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierUploads:
    """Where the platform goes by our id of the video there are none."""

    records: Records
    platforms: Platforms

    async def has_any(self, video_id: UUID) -> bool:
        """Those of a deleted video go with it. Raises NotFound."""
        video = (await self.records.recall(Video, video_id)).existing()
        return bool(video.earlier_uploads) and video.status is not VideoStatus.DELETED

    async def cancel(self, video_id: UUID) -> None:
        """Done again, nothing happens. Raises NotFound, PlatformNotSetUp, ProviderUnavailable, ProviderRefused."""
        video = (await self.records.recall(Video, video_id)).existing()
        await self.platforms.of(video.platform).cancel_earlier_uploads(reference(video))
