"""WebVTT (https://www.w3.org/TR/webvtt1/): the text of a caption track, checked before anybody is shown it.

Players are lenient, each in its own way, and pass over what they do not understand; whoever sends a track hears what is
wrong with it, and in which line.
"""

import re
from collections.abc import Iterator

from domain.shared.fact import Refusal

_TIME = r"(?:(\d{2,4}):)?([0-5]\d):([0-5]\d\.\d{3})"
_TIMING = re.compile(
    rf"[ \t]*{_TIME}[ \t]+-->[ \t]+{_TIME}"
    r"(?:[ \t]+(?:vertical|line|position|size|align|region):[^\s]+)*[ \t]*",
    re.ASCII,
)
_TAG = re.compile(rf"</?(?:c|i|b|u|ruby|rt|v|lang)(?:[.\s][^<>]*)?>|<{_TIME}>", re.ASCII)
# Whatever would have a style sheet load something, or hide that it does.
_LOADS = re.compile(r"@|\burl\s*\(|\bsrc\s*\(|image|\\|<", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HEADER = re.compile(r"WEBVTT(?:[ \t].*)?")
_ARROW = "-->"

Block = tuple[int, list[str]]
"""Lines that follow one another, and the number of the first."""


class CaptionsInvalid(Refusal):
    """The text is no WebVTT that can be shown."""


def checked(body: bytes) -> str:
    """The text in lines that end in LF, without what its header says beside `WEBVTT`: that is for us to say.

    Raises:
        CaptionsInvalid: it is no UTF-8, has control characters, has no cues or one that cannot be read, or has a style
            that loads something.
    """
    first, *blocks = _blocks(_decoded(body))
    if len(first[1]) > 1 and any(_ARROW in line for line in first[1]):
        raise CaptionsInvalid("An empty line has to follow WEBVTT.")
    begins, cues = 0.0, 0
    for number, lines in blocks:
        word = lines[0].split(None, 1)[0]
        if word in {"STYLE", "REGION"} and len(lines[0].rstrip()) == len(word):
            _check_head(number, lines, cues)
        elif word != "NOTE" or any(_ARROW in line for line in lines):
            begins, cues = _check_cue(number, lines, begins), cues + 1
    if not cues:
        raise CaptionsInvalid("There is no cue in it.")
    return _written(blocks)


def beginning(text: str, seconds: float) -> str:
    """A checked text with the cues alone that begin before that second."""

    def begun() -> Iterator[Block]:
        for number, lines in list(_blocks(text))[1:]:
            timing = next((found for line in lines[:2] if (found := _TIMING.fullmatch(line))), None)
            if timing is not None and _seconds(*timing.group(1, 2, 3)) >= seconds:
                return
            yield number, lines

    return _written(list(begun()))


def _decoded(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CaptionsInvalid("The text is not in UTF-8.") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if found := _CONTROLS.search(text):
        raise _invalid(text.count("\n", 0, found.start()) + 1, "there is a control character")
    if not _HEADER.fullmatch(text.partition("\n")[0]):
        raise CaptionsInvalid("A WebVTT file begins with WEBVTT.")
    return text


def _blocks(text: str) -> Iterator[Block]:
    lines: list[str] = []
    number = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            lines.append(line)
        elif lines:
            yield number - len(lines), lines
            lines = []
    if lines:
        yield number - len(lines) + 1, lines


def _written(blocks: list[Block]) -> str:
    return "\n\n".join(["WEBVTT", *("\n".join(lines) for _, lines in blocks)]) + "\n"


def _check_head(number: int, lines: list[str], cues: int) -> None:
    """A block of style or a region."""
    if cues:
        raise _invalid(number, "styles and regions come before the first cue")
    for at, line in enumerate(lines):
        if _ARROW in line or (lines[0].startswith("STYLE") and _LOADS.search(line)):
            raise _invalid(number + at, "a style may not load anything, nor have escapes")


def _check_cue(number: int, lines: list[str], begins: float) -> float:
    """When it begins; not before the one in front of it."""
    at = 0 if _ARROW in lines[0] else 1
    timing = _TIMING.fullmatch(lines[at]) if at < len(lines) else None
    if timing is None:
        raise _invalid(number + min(at, len(lines) - 1), "there are no times of a cue, as in 00:01.000 --> 00:02.500")
    starts, ends = _seconds(*timing.group(1, 2, 3)), _seconds(*timing.group(4, 5, 6))
    if ends <= starts:
        raise _invalid(number + at, "the cue ends before it begins")
    if starts < begins:
        raise _invalid(number + at, "the cue begins before the one in front of it")
    for further, line in enumerate(lines[at + 1 :], at + 1):
        if _ARROW in line:
            raise _invalid(number + further, "an empty line has to be between two cues")
        if "<" in _TAG.sub("", line):
            raise _invalid(number + further, "there is a tag that WebVTT does not know; a < by itself is &lt;")
    return starts


def _seconds(hours: str | None, minutes: str, seconds: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def _invalid(line: int, what: str) -> CaptionsInvalid:
    return CaptionsInvalid(f"Line {line}: {what}.")
