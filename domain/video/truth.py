"""What a platform says of one of our videos, in our words: evidence, from which facts are decided."""

from typing import Literal

import msgspec

from domain.video.facts import Rendition

Stage = Literal["waiting", "processing", "ready", "errored", "gone"]
"""`waiting`: nothing has come in yet; `gone`: the platform had it, or its upload, and has it no more."""


class AssetTruth(msgspec.Struct, frozen=True, kw_only=True):
    """A video at its platform; `asset_id` and `playback_id` are empty for as long as there are none."""

    stage: Stage
    asset_id: str = ""
    playback_id: str = ""
    duration_seconds: float = 0.0
    renditions: tuple[Rendition, ...] = ()
    reason: str = ""
    """Of one that is errored: a stable word, such as `not_a_video`."""
    detail: str = ""
    """The same as a sentence for people."""
