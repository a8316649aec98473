"""What an upload is, found by decoding its first pictures: its shape as shown, frame rate, length and sound."""

import re
from fractions import Fraction
from pathlib import Path

import msgspec

from adapters.transcoding.child import FFmpeg, Outcome, hostile_input
from adapters.transcoding.limits import Limits
from application.ports.video_platform import NotAVideo

_FEWEST_PICTURES = 2
_SLOWEST, _FASTEST = Fraction(5), Fraction(60)
_SMALLEST_SIDE = 16
_WIDEST = 8

# The `framecrc` muxer's output, made for machines; and two lines of what FFmpeg says about an input.
_SIZE = re.compile(r"^#dimensions 0: (\d+)x(\d+)$", re.MULTILINE)
_PIXEL_SHAPE = re.compile(r"^#sar 0: (\d+)/(\d+)$", re.MULTILINE)
_TICK = re.compile(r"^#tb 0: (\d+)/(\d+)$", re.MULTILINE)
_PICTURE = re.compile(r"^0,", re.MULTILINE)
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)
_AVERAGE_RATE = re.compile(r"^  Stream #0:\d+.*: Video: .* ([\d.]+) fps", re.MULTILINE)
_SOUND = re.compile(r"^  Stream #0:\d+.*: Audio: ", re.MULTILINE)
# What was decoded, as FFmpeg hands it on: `yuv420p10le(tv, bt2020nc/bt2020/smpte2084, progressive)`.
_DECODED = re.compile(r"^  Stream #0:0.*: Video: rawvideo .*$", re.MULTILINE)
_INTERLACED = re.compile(r"(top|bottom) (first|coded first)")
_HIGH_DYNAMIC_RANGE = re.compile(r"smpte2084|arib-std-b67")
_REACHED = re.compile(r"^out_time_us=(\d+)$")

# What FFmpeg says, the stable word for it, and the sentence for people; the first that is found counts.
_REFUSALS = (
    ("exceeds specified max pixel count", "too_many_pixels", "The pictures of this video are too large."),
    ("exceeds max_streams", "too_many_streams", "The file has too many tracks."),
    ("matches no streams", "no_video_stream", "The file has no video in it, or only a cover picture."),
    ("Format not on whitelist", "not_a_video", "The file is not in a format for video that is taken here."),
)
_CODEC_REFUSED = re.compile(r"\[dec:(\w+) @ \w+\] Error while opening decoder|no decoder found for: (\w+)")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that can be decoded."""

    width: int
    height: int
    """In square pixels, after the rotation that the file asks for: what a viewer sees."""
    frame_rate: Fraction
    """Of the ladder, constant: the upload's own within 5 to 60 pictures per second."""
    duration_seconds: float
    has_sound: bool
    interlaced: bool = False
    """Each picture is two, of every other line, as television has it."""
    high_dynamic_range: bool = False
    """By PQ or HLG (ITU-R BT.2100): shown as they are the pictures would be grey."""


async def probe(ffmpeg: FFmpeg, upload: Path, *, folder: Path, limits: Limits) -> Source:
    """Decode the upload's first two pictures and its first sound.

    Raises:
        NotAVideo: with the reason; also where it goes beyond the limits.
    """
    prober = _Prober(ffmpeg, upload, folder, limits)
    lines, outcome = await prober.decode("-map", "0:V:0", "-frames:v", str(_FEWEST_PICTURES))
    if outcome.code != 0:
        raise _refusal(outcome)
    width, height = _shape(lines, limits)
    if len(_PICTURE.findall(lines)) < _FEWEST_PICTURES:
        raise NotAVideo("still_image", "The file is a single picture, not a video.")
    return Source(
        width=width,
        height=height,
        frame_rate=_frame_rate(lines, outcome.messages),
        duration_seconds=await prober.duration(outcome.messages),
        has_sound=_SOUND.search(outcome.messages) is not None and await prober.has_sound(),
        interlaced=_is_decoded_as(_INTERLACED, outcome),
        high_dynamic_range=_is_decoded_as(_HIGH_DYNAMIC_RANGE, outcome),
    )


class _Prober:
    def __init__(self, ffmpeg: FFmpeg, upload: Path, folder: Path, limits: Limits) -> None:
        self._ffmpeg, self._upload, self._folder, self._limits = ffmpeg, upload, folder, limits

    async def decode(self, *selection: str) -> tuple[str, Outcome]:
        lines: list[str] = []
        outcome = await self._run([*selection, "-f", "framecrc", "-"], lines)
        return "\n".join(lines), outcome

    async def has_sound(self) -> bool:
        """Whether its first sound track has any: one without would keep FFmpeg from writing a single segment."""
        lines, outcome = await self.decode("-map", "0:a:0", "-frames:a", "1")
        if outcome.code != 0:
            raise _refusal(outcome)
        return _PICTURE.search(lines) is not None

    async def duration(self, messages: str) -> float:
        """In seconds, as the file says; a recording made in a browser does not say, and is read through."""
        stated = _DURATION.search(messages)
        if stated is None:
            seconds = await self._read_through()
        else:
            seconds = int(stated[1]) * 3600 + int(stated[2]) * 60 + float(stated[3])
        if seconds > self._limits.duration_seconds:
            raise NotAVideo("too_long", f"The video is longer than {self._limits.duration_seconds / 3600:g} hours.")
        return seconds

    async def _read_through(self) -> float:
        lines: list[str] = []
        options = ["-map", "0:V:0", "-c", "copy", "-progress", "pipe:1", "-f", "null", "-"]
        await self._run(options, lines)
        return max((int(found[1]) for line in lines if (found := _REACHED.match(line))), default=0) / 1_000_000

    async def _run(self, options: list[str], lines: list[str]) -> Outcome:
        return await self._ffmpeg.run(
            ["-v", "info", *hostile_input(self._limits), *options],
            source=self._upload,
            folder=self._folder,
            seconds=self._limits.probe_seconds,
            on_line=lines.append,
        )


def _is_decoded_as(what: re.Pattern[str], outcome: Outcome) -> bool:
    decoded = _DECODED.search(outcome.messages)
    return decoded is not None and what.search(decoded[0]) is not None


def _refusal(outcome: Outcome) -> NotAVideo:
    for said, reason, detail in _REFUSALS:
        if said in outcome.messages:
            return NotAVideo(reason, detail)
    if outcome.ran_out_of_memory:
        return NotAVideo("too_much_memory", "The video takes too much memory to decode.")
    if codec := _CODEC_REFUSED.search(outcome.messages):
        detail = f"The codec {codec[1] or codec[2]} is not taken here; H.264 with AAC always is."
        return NotAVideo("codec_not_supported", detail)
    return NotAVideo("not_a_video", "The file is not a video, or it is damaged.")


def _shape(lines: str, limits: Limits) -> tuple[int, int]:
    size, pixel = _SIZE.search(lines), _PIXEL_SHAPE.search(lines)
    if size is None:
        raise NotAVideo("not_a_video", "No picture could be decoded from the file.")
    width, height = int(size[1]), int(size[2])
    if width * height > limits.pixels:
        raise NotAVideo("too_many_pixels", "The pictures of this video are too large.")
    if pixel and int(pixel[1]) and int(pixel[2]):
        width = max(1, round(width * Fraction(int(pixel[1]), int(pixel[2]))))
    if min(width, height) < _SMALLEST_SIDE:
        raise NotAVideo("too_small", f"The pictures of this video are under {_SMALLEST_SIDE} pixels.")
    if max(width, height) > _WIDEST * min(width, height):
        raise NotAVideo("too_wide", f"The pictures of this video are over {_WIDEST} times as long as wide.")
    return width, height


def _frame_rate(lines: str, messages: str) -> Fraction:
    """The steady rate that FFmpeg found; a varying one makes it far too high, and then the average is taken."""
    tick = _TICK.search(lines)
    rate = Fraction(int(tick[2]), int(tick[1])) if tick else _FASTEST
    average = _AVERAGE_RATE.search(messages)
    if rate > _FASTEST and average:
        rate = Fraction(average[1])
    return min(max(rate, _SLOWEST), _FASTEST)
