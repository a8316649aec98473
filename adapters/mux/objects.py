"""Uploads and assets as Mux tells of them, as far as we read them, and what they mean in our words.

https://www.mux.com/docs/api-reference/video/direct-uploads, /video/assets. Every word may be one that we do not know.
"""

import logging
import re

import msgspec

from domain.video.facts import Rendition
from domain.video.truth import AssetTruth

log = logging.getLogger(__name__)

SIGNED = "signed"
WORD = re.compile(r"[a-z][a-z0-9_]{0,49}")
REASONS = {"invalid_input": "not_a_video"}
"""What Mux calls an error, in the words of the other platforms."""
UNKNOWN_REASON = "platform_error"
NOT_SIGNED = "not_signed"
DETAIL_LENGTH = 300


class MuxTrouble(msgspec.Struct, frozen=True):
    type: str | None = None
    message: str | None = None
    messages: list[str] | None = None

    @property
    def reason(self) -> str:
        given = self.type or ""
        return REASONS.get(given, given if WORD.fullmatch(given) else UNKNOWN_REASON)

    @property
    def detail(self) -> str:
        said = " ".join(self.messages or ()) or self.message or "Mux gives no reason."
        return said[:DETAIL_LENGTH]


class MuxUpload(msgspec.Struct, frozen=True):
    id: str
    status: str | None = None
    url: str | None = None
    asset_id: str | None = None
    error: MuxTrouble | None = None


class MuxPlaybackId(msgspec.Struct, frozen=True):
    id: str
    policy: str | None = None


class MuxTrack(msgspec.Struct, frozen=True):
    type: str | None = None
    max_height: int | None = None


class MuxAsset(msgspec.Struct, frozen=True):
    id: str
    status: str | None = None
    duration: float | None = None
    playback_ids: list[MuxPlaybackId] | None = None
    tracks: list[MuxTrack] | None = None
    errors: MuxTrouble | None = None

    @property
    def playback_id(self) -> str:
        """The one whose tokens are ours to sign; empty without one."""
        return next((one.id for one in self.playback_ids or () if one.policy == SIGNED), "")

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """The tallest alone, at no known bitrate: Mux makes the others as it sees fit, and tells of none."""
        heights = [one.max_height for one in self.tracks or () if one.type == "video" and one.max_height]
        return (Rendition(max(heights), 0),) if heights else ()


def truth_of_upload(upload: MuxUpload) -> AssetTruth:
    """Of one that has no asset (yet)."""
    match upload.status:
        case "errored":
            trouble = upload.error or MuxTrouble()
            return AssetTruth(stage="errored", reason=trouble.reason, detail=trouble.detail)
        case "cancelled" | "timed_out":
            return AssetTruth(stage="gone")
        case _:
            return AssetTruth(stage="waiting")


def truth_of_asset(asset: MuxAsset) -> AssetTruth:
    match asset.status:
        case "ready" if asset.playback_id:
            return AssetTruth(
                stage="ready",
                asset_id=asset.id,
                playback_id=asset.playback_id,
                duration_seconds=asset.duration or 0.0,
                renditions=asset.renditions,
            )
        case "ready":
            detail = "It has no playback id with the policy `signed`."
            return AssetTruth(stage="errored", asset_id=asset.id, reason=NOT_SIGNED, detail=detail)
        case "errored":
            trouble = asset.errors or MuxTrouble()
            return AssetTruth(stage="errored", asset_id=asset.id, reason=trouble.reason, detail=trouble.detail)
        case "preparing":
            return AssetTruth(stage="processing", asset_id=asset.id)
        case unknown:
            log.warning("Mux says of an asset that it is %r, which is taken for being prepared", unknown)
            return AssetTruth(stage="processing", asset_id=asset.id)
