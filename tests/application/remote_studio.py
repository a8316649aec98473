"""A video platform elsewhere, in memory: it says of each video what a test has it say, and counts the questions."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from application.ports.deliveries import Delivery, SignatureInvalid
from application.ports.video_platform import Capabilities, PlaybackGrant, Reference, UploadGrant
from domain.video.facts import Rendition
from domain.video.truth import AssetTruth

WAITING = AssetTruth(stage="waiting")
GONE = AssetTruth(stage="gone")


class RemoteStudio:
    """`truths` by upload; `trouble` is raised in place of an answer; `looked` lists whom it was asked about."""

    name = "remote"
    capabilities = Capabilities(uploads=("put",))

    def __init__(self) -> None:
        self.truths: dict[str, AssetTruth] = {}
        self.trouble: Exception | None = None
        self.looked: list[Reference] = []
        self.deleted: list[Reference] = []
        self.cancelled: list[str] = []
        self._numbers = count(1)

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        upload_id = f"upload-{next(self._numbers)}"
        self.truths[upload_id] = WAITING
        url, ends = f"https://remote.example/{upload_id}", now + timedelta(hours=1)
        return UploadGrant(protocol="put", method="PUT", url=url, expires_at=ends, upload_id=upload_id)

    async def grant_playback(
        self, playback_id: str, *, video_id: UUID, session_id: UUID, until: datetime, max_height: int | None
    ) -> PlaybackGrant:
        url = f"https://remote.example/{playback_id}.m3u8"
        return PlaybackGrant(provider=self.name, playback_id=playback_id, url=url, token="token", expires_at=until)

    def thumbnail_url(self, video_id: UUID, playback_id: str, *, now: datetime) -> str:
        return f"https://remote.example/{playback_id}.jpg"

    async def cancel_earlier_uploads(self, video: Reference) -> None:
        self.cancelled += video.earlier_uploads

    async def delete(self, video: Reference) -> None:
        self.deleted.append(video)

    async def look(self, video: Reference) -> AssetTruth:
        self.looked.append(video)
        if self.trouble is not None:
            raise self.trouble
        return self.truths.get(video.upload_id, GONE)

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Delivery:
        if headers != {"signed": "yes"}:
            raise SignatureInvalid("not signed")
        told = json.loads(body)
        return Delivery(
            provider=self.name,
            event_id=told["id"],
            type=told["type"],
            customer_id=told["video"],
            livemode=True,
            api_version=None,
            created_at=now,
            body=body,
        )


def made(asset_id: str, stage: str = "ready") -> AssetTruth:
    """What becomes of a good upload."""
    if stage == "ready":
        return AssetTruth(
            stage="ready",
            asset_id=asset_id,
            playback_id=f"playback of {asset_id}",
            duration_seconds=60.0,
            renditions=(Rendition(720, 0),),
        )
    if stage == "errored":
        return AssetTruth(stage="errored", asset_id=asset_id, reason="not_a_video", detail="It does not move.")
    return AssetTruth(stage="processing", asset_id=asset_id)
