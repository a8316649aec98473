"""Caption tracks in the bucket: `captions/{video}/` has each text that came in, which nobody is given leave for.

What is shown of them lies in the folder of the lowest height, which every leave opens, and is named by the master
playlist of each folder.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from uuid import UUID

import msgspec

from adapters.s3.bucket import Bucket
from adapters.s3.layout import CARRIED, MASTER, MEDIA, carrying, folder_up_to, heights_of, prefix_of, record_of
from adapters.transcoding.captions import (
    FOLDER,
    captions_playlist,
    placed,
    playlist_name,
    text_name,
    with_captions,
)
from adapters.transcoding.playlist import seconds_of
from application.ports.video_platform import Processed
from domain.video.captions import CaptionTrack

PLAYLIST, TEXT = "application/vnd.apple.mpegurl", "text/vtt"
UNSHOWN = timedelta(hours=1)
"""A text that no track has is kept for so long: it may be about to have one."""


def texts_of(video_id: UUID) -> str:
    return f"captions/{video_id}/"


class BucketCaptions:
    """A playlist is kept by CloudFront for as long as `short` says, and a text, whose name is its hash, as `long`."""

    def __init__(self, bucket: Bucket, *, short: str, long: str) -> None:
        self._bucket, self._short, self._long = bucket, short, long

    async def keep(self, video_id: UUID, sha256: str, text: str) -> None:
        key = texts_of(video_id) + text_name(sha256)
        await self._bucket.put(key, text.encode(), media_type=TEXT, cache_control=self._long)

    async def show(self, video_id: UUID, playback_id: str, tracks: Sequence[CaptionTrack]) -> None:
        """The texts first, then their playlists, then the masters; what is in none any more goes last."""
        if not playback_id:
            return
        heights, prefix = heights_of(playback_id), prefix_of(video_id, playback_id)
        lowest = folder_up_to(playback_id, heights[-1])
        place = f"{prefix}{lowest}{FOLDER}/"
        shown = await self._put_tracks(video_id, playback_id, tracks, place)
        for height in heights:
            folder = folder_up_to(playback_id, height)
            inside = PurePosixPath(lowest, FOLDER).relative_to(PurePosixPath(folder))
            await self._name(f"{prefix}{folder}{MASTER}", tracks, str(inside))
        await self._remove_but(place, shown, datetime.now(UTC))
        texts = {text_name(track.sha256) for track in tracks}
        await self._remove_but(texts_of(video_id), texts, datetime.now(UTC) - UNSHOWN)

    async def _put_tracks(
        self, video_id: UUID, playback_id: str, tracks: Sequence[CaptionTrack], place: str
    ) -> set[str]:
        """The names of what lies there now."""
        length, begins = await self._length(video_id, playback_id), await self._begins(video_id, playback_id)
        names: set[str] = set()
        for track in tracks:
            text = placed((await self._text(video_id, track)).decode(), begins)
            playlist = carrying(captions_playlist(track, length))
            await self._put(place + text_name(track.sha256), text, TEXT, self._long)
            await self._put(place + playlist_name(track), playlist, PLAYLIST, self._short)
            names |= {text_name(track.sha256), playlist_name(track)}
        return names

    async def _text(self, video_id: UUID, track: CaptionTrack) -> bytes:
        """Empty where the video was deleted at this moment."""
        return await self._bucket.read(texts_of(video_id) + text_name(track.sha256)) or b""

    async def _length(self, video_id: UUID, playback_id: str) -> float:
        lowest = heights_of(playback_id)[-1]
        place = f"{prefix_of(video_id, playback_id)}{folder_up_to(playback_id, lowest)}{lowest}p/{MEDIA}"
        return seconds_of((await self._bucket.read(place) or b"").decode("ascii"))

    async def _begins(self, video_id: UUID, playback_id: str) -> float:
        record = await self._bucket.read(record_of(video_id, playback_id))
        return msgspec.json.decode(record, type=Processed).begins_at_seconds if record else 0.0

    async def _name(self, key: str, tracks: Sequence[CaptionTrack], folder: str) -> None:
        if (master := await self._bucket.read(key)) is not None:
            text = with_captions(master.decode(), tracks, folder=folder, query=f"?{CARRIED}")
            if text.encode() != master:
                await self._put(key, text, PLAYLIST, self._short)

    async def _put(self, key: str, text: str, media_type: str, cache_control: str) -> None:
        await self._bucket.put(key, text.encode(), media_type=media_type, cache_control=cache_control)

    async def _remove_but(self, prefix: str, names: set[str], before: datetime) -> None:
        for key, written_at in await self._bucket.listed(prefix):
            if key.removeprefix(prefix) not in names and written_at <= before:
                await self._bucket.remove(key)
