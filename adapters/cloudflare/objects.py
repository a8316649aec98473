"""Videos as Cloudflare Stream tells of them, as far as we read them, and what they mean in our words."""

import logging
import re

import msgspec

from domain.video.facts import Rendition
from domain.video.truth import AssetTruth

log = logging.getLogger(__name__)

WORD = re.compile(r"[A-Z][A-Z_]{0,49}")
REASONS = {"ERR_NON_VIDEO": "not_a_video", "ERR_MALFORMED_VIDEO": "not_a_video"}
UNKNOWN_REASON = "platform_error"
DETAIL_LENGTH = 300
MADE = 99.9
"""Percent; it can be played sooner, at one height."""
ARRIVED = frozenset({"downloading", "queued", "inprogress"})


class NewUpload(msgspec.Struct, frozen=True):
    """An address that takes a file, and what the video will be called."""

    uid: str
    url: str = msgspec.field(name="uploadURL")


class Status(msgspec.Struct, frozen=True):
    """`errorReasonCode` is spelled in two ways in Cloudflare's own examples."""

    state: str = ""
    complete: str | float | None = msgspec.field(name="pctComplete", default=None)
    code: str | None = msgspec.field(name="errorReasonCode", default=None)
    code_too: str | None = msgspec.field(name="errReasonCode", default=None)
    text: str | None = msgspec.field(name="errorReasonText", default=None)
    text_too: str | None = msgspec.field(name="errReasonText", default=None)

    @property
    def reason(self) -> str:
        given = self.code or self.code_too or ""
        return REASONS.get(given, given.removeprefix("ERR_").lower() if WORD.fullmatch(given) else UNKNOWN_REASON)

    @property
    def detail(self) -> str:
        return (self.text or self.text_too or "Cloudflare gives no reason.")[:DETAIL_LENGTH]


class Picture(msgspec.Struct, frozen=True):
    """In pixels; -1 until it is known."""

    height: int = -1


class StreamVideo(msgspec.Struct, frozen=True):
    uid: str
    status: Status = Status()
    creator: str | None = None
    duration: float | None = None
    input: Picture | None = None
    modified: str | None = None

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """The height of what came, at no known bitrate: Cloudflare makes the others as it sees fit, and is silent."""
        return (Rendition(self.input.height, 0),) if self.input is not None and self.input.height > 0 else ()


def truth_of(video: StreamVideo) -> AssetTruth:
    status = video.status
    match status.state:
        case "pendingupload":
            return AssetTruth(stage="waiting")
        case "ready" if status.complete is None or float(status.complete) >= MADE:
            return AssetTruth(
                stage="ready",
                asset_id=video.uid,
                playback_id=video.uid,
                duration_seconds=max(video.duration or 0.0, 0.0),
                renditions=video.renditions,
            )
        case "error":
            return AssetTruth(stage="errored", asset_id=video.uid, reason=status.reason, detail=status.detail)
        case state:
            if state not in ARRIVED | {"ready"}:
                log.warning("Cloudflare says of a video that it is %r, which is taken for being prepared", state)
            return AssetTruth(stage="processing", asset_id=video.uid)
