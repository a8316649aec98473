"""How a playback lies in the bucket: each height inside the folder of the next taller one.

A signature of CloudFront opens one folder with all that is below. So `le1080/` has the rendition of 1080 lines and the
folder `le1080/le720/`, which has that of 720 and the next folder: leave for a folder is leave for its height and every
lower one, and no address gets around it. Each folder has a master playlist of its own.

What is relative in a playlist loses the signature in the query. The playlists name it by `EXT-X-DEFINE` (RFC 8216bis),
so that a player which follows it (hls.js from 1.5, and AVPlayer) carries it along, and they need not be written anew.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

MASTER, MEDIA, POSTER, RECORD = "master.m3u8", "index.m3u8", "poster.jpg", "processed.json"
SIGNATURE = ("Policy", "Signature", "Key-Pair-Id")
"""The parts of a query that CloudFront signed."""
DEFINED = "".join(f'#EXT-X-DEFINE:QUERYPARAM="{name}"\n' for name in SIGNATURE)
CARRIED = "&".join(f"{name}={{${name}}}" for name in SIGNATURE)
VERSION_WITH_DEFINE = 11

_VARIANT = re.compile(r"^#EXT-X-STREAM-INF:[^\n]*\n(?P<height>\d+)p/[^\n]*\n", re.MULTILINE)
_VERSION = re.compile(r"^#EXT-X-VERSION:\d+\n", re.MULTILINE)
_NAMED = re.compile(r'(?P<map>#EXT-X-MAP:URI=")(?P<uri>[^"]+)"|^(?P<segment>[^#\s][^\n]*)$', re.MULTILINE)


def prefix_of(video_id: object, playback_id: str) -> str:
    return f"hls/{video_id}/{playback_id}/"


def named(digest: str, heights: Sequence[int]) -> str:
    """The playback id, which carries the heights: what is granted is found without asking anybody."""
    return "_".join([digest, *map(str, sorted(heights, reverse=True))])


def record_of(video_id: object, playback_id: str) -> str:
    """Where it is kept what was made of the upload that the digest of this playback stands for."""
    return f"hls/{video_id}/{playback_id.partition('_')[0]}.{RECORD}"


def heights_of(playback_id: str) -> list[int]:
    """Tallest first."""
    return [int(height) for height in playback_id.split("_")[1:]]


def folder_up_to(playback_id: str, max_height: int | None) -> str:
    """The folder of the tallest height that is granted, with a slash; where all are taller, of the lowest there is."""
    heights = heights_of(playback_id)
    granted = next((height for height in heights if max_height is None or height <= max_height), heights[-1])
    return _folder(heights, granted)


def _folder(heights: Sequence[int], height: int) -> str:
    return "".join(f"le{one}/" for one in heights if one >= height)


def files_of(folder: Path, heights: Sequence[int]) -> Iterator[tuple[str, bytes | Path]]:
    """What is to be in the bucket under the prefix, from what was made on the disk."""
    heights = sorted(heights, reverse=True)
    yield POSTER, folder / POSTER
    for height in heights:
        place = f"{_folder(heights, height)}{height}p/"
        for file in sorted((folder / f"{height}p").iterdir()):
            if file.name != MEDIA:
                yield place + file.name, file
        yield place + MEDIA, carrying((folder / f"{height}p" / MEDIA).read_text("ascii")).encode()
    master = (folder / MASTER).read_text("ascii")
    for height in heights:
        yield _folder(heights, height) + MASTER, _master(master, heights, height).encode()


def carrying(playlist: str) -> str:
    """A media playlist with the signature behind each name in it."""

    def carried(found: re.Match[str]) -> str:
        if found["segment"]:
            return f"{found['segment']}?{CARRIED}"
        return f'{found["map"]}{found["uri"]}?{CARRIED}"'

    return _NAMED.sub(carried, _defining(playlist))


def _defining(playlist: str) -> str:
    return _VERSION.sub(f"#EXT-X-VERSION:{VERSION_WITH_DEFINE}\n{DEFINED}", playlist, count=1)


def _master(whole: str, heights: Sequence[int], tallest: int) -> str:
    """Of one folder: the variants in it and below."""
    inside = _folder(heights, tallest)

    def kept(found: re.Match[str]) -> str:
        height = int(found["height"])
        if height > tallest:
            return ""
        place = PurePosixPath(_folder(heights, height)).relative_to(PurePosixPath(inside))
        tag = found[0].partition("\n")[0]
        return f"{tag}\n{place / f'{height}p' / MEDIA}?{CARRIED}\n"

    return _VARIANT.sub(kept, _defining(whole))
