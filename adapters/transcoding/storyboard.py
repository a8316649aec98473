"""Small pictures from all over a video, many to a sheet, and which of them is shown when: for the bar of a player.

A WebVTT file whose texts are addresses with a part of a picture (https://www.w3.org/TR/media-frags/#naming-space), as
players have it in a track of the kind `metadata`.
"""

from collections.abc import Iterator
from math import ceil, floor
from pathlib import Path

import msgspec

from adapters.transcoding.probe import Source

FOLDER = "storyboard"
INDEX = "index.vtt"

_LONG_SIDE = 160
_COLUMNS, _ROWS, _SHEETS_MAX = 5, 5, 16
_PICTURES_MAX = _COLUMNS * _ROWS * _SHEETS_MAX
_SHORTEST_SECONDS = 2
# A moment that is rounded is a little before the one that it stands for.
_EARLY_SECONDS = 0.001


class Storyboard(msgspec.Struct, frozen=True):
    """One picture for so many seconds, of so many pixels."""

    seconds: int
    width: int
    height: int

    def filters(self) -> str:
        """The first picture of each stretch, in sheets, of what comes at a steady rate."""
        stretch, before = (f"floor(({t}+{_EARLY_SECONDS})/{self.seconds})" for t in ("t", "prev_selected_t"))
        return (
            f"select='isnan(prev_selected_t)+gt({stretch},{before})',"
            f"scale={self.width}:{self.height}:flags=area:out_range=full,setsar=1,format=yuvj420p,"
            f"tile={_COLUMNS}x{_ROWS}"
        )

    @staticmethod
    def output() -> Iterator[str]:
        """What FFmpeg writes of it, into a folder that has to be there."""
        yield from ("-frames:v", str(_SHEETS_MAX), "-fps_mode", "passthrough", "-c:v", "mjpeg", "-q:v", "5")
        yield from ("-f", "image2", "-start_number", "0", f"{FOLDER}/{_sheet('%02d')}")


def plan_storyboard(source: Source) -> Storyboard:
    """At most 400 pictures of a side up to 160; none is made larger."""
    factor = min(1.0, _LONG_SIDE / max(source.width, source.height))
    steps = ceil(source.duration_seconds / (_PICTURES_MAX * _SHORTEST_SECONDS))
    return Storyboard(
        max(1, steps) * _SHORTEST_SECONDS,
        max(2, round(source.width * factor / 2) * 2),
        max(2, round(source.height * factor / 2) * 2),
    )


def write_index(folder: Path, storyboard: Storyboard, *, duration_seconds: float, picture_seconds: float) -> None:
    """Into the folder of a finished ladder of that length; its last picture is shown for so long."""
    last = duration_seconds - picture_seconds
    count = min(floor((last + _EARLY_SECONDS) / storyboard.seconds) + 1, _PICTURES_MAX)
    cues = "".join(_cue(storyboard, number, last=number == count - 1, end=duration_seconds) for number in range(count))
    (folder / FOLDER / INDEX).write_text(f"WEBVTT\n{cues}", "ascii")


def _cue(storyboard: Storyboard, number: int, *, last: bool, end: float) -> str:
    sheet, at = divmod(number, _COLUMNS * _ROWS)
    row, column = divmod(at, _COLUMNS)
    begins = number * storyboard.seconds
    ends = end if last else begins + storyboard.seconds
    part = f"{column * storyboard.width},{row * storyboard.height},{storyboard.width},{storyboard.height}"
    return f"\n{_moment(begins)} --> {_moment(ends)}\n{_sheet(f'{sheet:02d}')}#xywh={part}\n"


def _sheet(number: str) -> str:
    return f"sheet_{number}.jpg"


def _moment(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return (
        f"{milliseconds // 3_600_000:02d}:{milliseconds // 60_000 % 60:02d}"
        f":{milliseconds // 1000 % 60:02d}.{milliseconds % 1000:03d}"
    )
