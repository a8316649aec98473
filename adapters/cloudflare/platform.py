"""`CloudflareStream`: the video platform that is Cloudflare Stream."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from adapters.cloudflare.client import Cloudflare
from adapters.cloudflare.objects import truth_of
from adapters.cloudflare.tokens import Tokens
from adapters.cloudflare.webhooks import Signatures, delivery
from application.ports.deliveries import Delivery
from application.ports.video_platform import Capabilities, PlaybackGrant, Reference, UploadGrant, UploadTooLarge
from application.ports.world import Clock
from domain.video.truth import AssetTruth

PROVIDER: Final = "cloudflare"
UPLOAD_TTL = timedelta(hours=6)
LONGEST_SECONDS = 6 * 3600
"""Of a video; so much is taken off the account's minutes until it is known how long it is."""
FORM_BYTES_MAX = 200 * 1000**2
"""https://developers.cloudflare.com/stream/uploading-videos/direct-creator-uploads: larger files come in pieces."""
UPLOAD_BYTES_MAX = 30 * 1000**3
TOKEN_LIFE_MAX = timedelta(hours=24)
GRANT_BUCKET_SECONDS = 300
REUSED_FROM = timedelta(hours=1)
"""A playback that may last longer ends with its five minutes, so that many have one token; a shorter one exactly."""
KEPT_MAX = 8_192


class CloudflareStream:
    """Close it when it is done with. Tokens are signed here, so playing asks Cloudflare nothing of us."""

    name = PROVIDER
    capabilities = Capabilities(uploads=("form", "tus"), upload_bytes_max=UPLOAD_BYTES_MAX, grant_max=TOKEN_LIFE_MAX)

    def __init__(
        self,
        client: Cloudflare,
        tokens: Tokens,
        webhook_secrets: Sequence[str],
        *,
        clock: Clock,
        delivery_base: str,
        tolerance: timedelta = timedelta(seconds=300),
    ) -> None:
        """`clock` is business time; `delivery_base` is `https://customer-CODE.cloudflarestream.com`.

        Raises:
            ValueError: a webhook secret is missing or empty.
        """
        self._client, self._tokens, self._clock = client, tokens, clock
        self._signatures = Signatures(webhook_secrets, tolerance=tolerance)
        self._base = delivery_base.rstrip("/")
        self._grants: dict[tuple[str, int], PlaybackGrant] = {}

    async def close(self) -> None:
        await self._client.close()

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        """In pieces where it is announced to be larger than a form may be."""
        if size_bytes is not None and size_bytes > UPLOAD_BYTES_MAX:
            raise UploadTooLarge(f"the limit is {UPLOAD_BYTES_MAX} bytes")
        if size_bytes is not None and size_bytes > FORM_BYTES_MAX:
            return await self._in_pieces(video_id, size_bytes, now + UPLOAD_TTL)
        upload = await self._client.direct_upload(
            {
                "maxDurationSeconds": LONGEST_SECONDS,
                "requireSignedURLs": True,
                "creator": str(video_id),
                "expiry": _text(now + UPLOAD_TTL),
                "meta": {"name": str(video_id)},
            }
        )
        return UploadGrant(
            protocol="form", method="POST", url=upload.url, expires_at=now + UPLOAD_TTL, upload_id=upload.uid
        )

    async def _in_pieces(self, video_id: UUID, size_bytes: int, ends_at: datetime) -> UploadGrant:
        said = {"name": str(video_id), "maxDurationSeconds": str(LONGEST_SECONDS), "expiry": _text(ends_at)}
        coded = [f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items()]
        upload = await self._client.tus_upload(
            {
                "Tus-Resumable": "1.0.0",
                "Upload-Length": str(size_bytes),
                "Upload-Creator": str(video_id),
                "Upload-Metadata": ",".join([*coded, "requiresignedurls"]),
            }
        )
        headers = {"Tus-Resumable": "1.0.0"}
        return UploadGrant(
            protocol="tus", method="PATCH", url=upload.url, headers=headers, expires_at=ends_at, upload_id=upload.uid
        )

    async def look(self, video: Reference) -> AssetTruth:
        """What is uploaded and what is played have one name."""
        found = (
            await self._client.video(video.upload_id or video.asset_id) if video.upload_id or video.asset_id else None
        )
        return AssetTruth(stage="gone") if found is None else truth_of(found)

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Delivery:
        self._signatures.check(body, headers, now=now)
        return delivery(body, provider=PROVIDER, now=now)

    async def cancel_earlier_uploads(self, video: Reference) -> None:
        await self._delete({*video.earlier_uploads})

    async def delete(self, video: Reference) -> None:
        await self._delete({video.upload_id, video.asset_id, *video.earlier_uploads, *video.earlier_assets})

    async def _delete(self, uids: AbstractSet[str]) -> None:
        for uid in sorted(uids - {""}):
            await self._client.delete(uid)

    async def grant_playback(
        self, playback_id: str, *, video_id: UUID, session_id: UUID, until: datetime, max_height: int | None
    ) -> PlaybackGrant:
        now = self._clock.now()
        ends_at = int(min(until, now + TOKEN_LIFE_MAX).timestamp())
        if until - now < REUSED_FROM:
            return self._grant(playback_id, ends_at)
        key = (playback_id, ends_at - ends_at % GRANT_BUCKET_SECONDS)
        if (found := self._grants.get(key)) is None:
            while len(self._grants) >= KEPT_MAX:
                del self._grants[next(iter(self._grants))]
            found = self._grants[key] = self._grant(*key)
        return found

    def _grant(self, playback_id: str, ends_at: int) -> PlaybackGrant:
        token = self._tokens.sign(playback_id, ends_at=ends_at)
        return PlaybackGrant(
            provider=PROVIDER,
            playback_id=playback_id,
            url=f"{self._base}/{token}/manifest/video.m3u8",
            token=token,
            expires_at=datetime.fromtimestamp(ends_at, UTC),
        )

    def thumbnail_url(self, video_id: UUID, playback_id: str, *, now: datetime) -> str:
        """None: a token is for all of a video, so whoever saw the picture could play what it is of."""
        return ""


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
