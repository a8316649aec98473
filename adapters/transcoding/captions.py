"""Caption tracks in HLS: named by the master playlist, each with a playlist of one segment, which is its whole text.

RFC 8216, sections 3.5 (WebVTT) and 4.3.4.1 (EXT-X-MEDIA).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from domain.video.captions import CaptionTrack

FOLDER = "captions"
"""Beside the master playlist."""

_TICKS = 90_000
"""To a second, of the clock of MPEG-TS, by which WebVTT is told of the pictures' also where they are in MP4."""

_GROUP = "text"
_MEDIA = re.compile(r"^#EXT-X-MEDIA:TYPE=SUBTITLES,[^\n]*\n", re.MULTILINE)
_VARIANT = re.compile(r"^#EXT-X-STREAM-INF:[^\n]*", re.MULTILINE)
_REFERENCE = f',SUBTITLES="{_GROUP}"'
# In a quoted string there is no quotation mark and no control character, and {$ would begin a variable (RFC 8216bis).
_NOT_QUOTED = re.compile(r"[\x00-\x1f\x7f\"{}]")
_FOR_WHO_CANNOT_HEAR = (
    ',CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"'
)


def playlist_name(track: CaptionTrack) -> str:
    return f"{track.language}.{track.kind}.m3u8"


def text_name(sha256: str) -> str:
    return f"{sha256}.vtt"


def with_captions(master: str, tracks: Sequence[CaptionTrack], *, folder: str = FOLDER, query: str = "") -> str:
    """The master playlist with these tracks in the place of those that it had.

    Their playlists lie in that folder; `query` follows each address.
    """
    bare = _MEDIA.sub("", master).replace(_REFERENCE, "")
    first = _VARIANT.search(bare)
    if not tracks or first is None:
        return bare
    named = "".join(_named(tracks, folder, query))
    return bare[: first.start()] + named + _VARIANT.sub(lambda variant: variant[0] + _REFERENCE, bare[first.start() :])


def _named(tracks: Sequence[CaptionTrack], folder: str, query: str) -> Iterator[str]:
    """Players tell tracks apart by their names, of which there may not be two the same, nor an empty one."""
    labels = [_NOT_QUOTED.sub("", track.label).strip() or track.language for track in tracks]
    counts, taken = Counter(labels), set[str]()
    for track, label in zip(tracks, labels, strict=True):
        name = label
        while name in taken or counts[name] > 1:
            name = f"{name} ({track.language}, {track.kind})"
        taken.add(name)
        characteristics = _FOR_WHO_CANNOT_HEAR if track.kind == "captions" else ""
        yield (
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="{_GROUP}",NAME="{name}",LANGUAGE="{track.language}"'
            f',DEFAULT=NO,AUTOSELECT=YES,FORCED=NO{characteristics},URI="{folder}/{playlist_name(track)}{query}"\n'
        )


def captions_playlist(track: CaptionTrack, seconds: float) -> str:
    return (
        f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{max(1, ceil(seconds))}\n#EXT-X-MEDIA-SEQUENCE:0\n"
        f"#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:{seconds:.3f},\n{text_name(track.sha256)}\n#EXT-X-ENDLIST\n"
    )


def placed(text: str, begins_at_seconds: float) -> str:
    """A checked text that says where the clock of the segments stands at its 0, which is at the first picture."""
    timestamps = f"X-TIMESTAMP-MAP=MPEGTS:{round(begins_at_seconds * _TICKS)},LOCAL:00:00:00.000"
    return text.replace("WEBVTT\n", f"WEBVTT\n{timestamps}\n", 1)
