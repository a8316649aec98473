"""A platform that shows caption tracks of ours."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from domain.video.captions import CaptionTrack


class CaptionedPlatform(Protocol):
    """The tracks stay with the video whatever it is made of."""

    async def keep_captions(self, video_id: UUID, sha256: str, text: str) -> None:
        """Have a checked WebVTT text at hand, of which nobody sees anything yet. Raises StorageFull."""
        ...

    async def show_captions(self, video_id: UUID, playback_id: str, tracks: Sequence[CaptionTrack]) -> None:
        """Have these tracks and no others in what is played from now on; their texts have been kept.

        `playback_id` is empty as long as the video cannot be played.
        """
        ...
