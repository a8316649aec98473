"""`MuxVideo`: the video platform that is Mux."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from adapters.mux.client import MuxClient
from adapters.mux.objects import truth_of_asset, truth_of_upload
from adapters.mux.tokens import Tokens
from adapters.mux.webhooks import Signatures, delivery
from application.errors import ProviderRefused, ProviderUnavailable
from application.ports.deliveries import Delivery
from application.ports.video_platform import Capabilities, PlaybackGrant, Reference, UploadGrant
from application.ports.world import Clock
from domain.video.truth import AssetTruth

PROVIDER = "mux"
UPLOAD_TTL = timedelta(hours=24)
GRANT_BUCKET_SECONDS = 300
REUSED_FROM = timedelta(hours=1)
"""A playback that may last longer ends with its five minutes, so that many have one token; a shorter one exactly."""
PICTURE_BUCKET_SECONDS = 6 * 3600
"""For as long the address of a picture stays the same, so that browsers keep it; it holds for one to two of them."""
PICTURE_WIDTH = "640"
KEPT_MAX = 8_192
RESOLUTIONS = (2160, 1440, 1080, 720, 540, 480, 360, 270)
"""https://www.mux.com/docs/guides/control-playback-resolution"""

K = TypeVar("K")
V = TypeVar("V")


class MuxHosts(msgspec.Struct, frozen=True):
    """Where Mux delivers, or a domain of one's own that leads there; no slash at the end."""

    stream: str = "https://stream.mux.com"
    image: str = "https://image.mux.com"


class MuxVideo:
    """Close it when it is done with. Tokens are signed here, so playing asks Mux nothing of us."""

    name = PROVIDER
    capabilities = Capabilities(uploads=("put",), caps_height=True)

    def __init__(
        self,
        client: MuxClient,
        tokens: Tokens,
        webhook_secrets: Sequence[str],
        *,
        clock: Clock,
        hosts: MuxHosts,
        cors_origin: str,
        restriction_id: str = "",
        test: bool = False,
        tolerance: timedelta = timedelta(seconds=300),
    ) -> None:
        """`clock` is business time; `cors_origin` of the page that uploads; `restriction_id` of the restriction
        that every token for a video names; `test` makes Mux's test assets: free, marked, ten seconds, gone in a day.

        Raises:
            ValueError: a webhook secret is missing or empty.
        """
        self._client, self._tokens, self._clock = client, tokens, clock
        self._signatures = Signatures(webhook_secrets, tolerance=tolerance)
        self._hosts, self._cors_origin, self._test = hosts, cors_origin, test
        self._claims = {"playback_restriction_id": restriction_id} if restriction_id else {}
        self._grants: dict[tuple[str, str, int], PlaybackGrant] = {}
        self._pictures: dict[tuple[str, int], str] = {}

    async def close(self) -> None:
        await self._client.close()

    async def grant_upload(self, video_id: UUID, *, size_bytes: int | None, now: datetime) -> UploadGrant:
        upload = await self._client.create_upload(
            name=str(video_id),
            cors_origin=self._cors_origin,
            timeout_seconds=int(UPLOAD_TTL.total_seconds()),
            test=self._test,
        )
        if not upload.url:
            raise ProviderUnavailable("Mux made an upload without an address.")
        return UploadGrant(
            protocol="put", method="PUT", url=upload.url, expires_at=now + UPLOAD_TTL, upload_id=upload.id
        )

    async def look(self, video: Reference) -> AssetTruth:
        """By its upload, which says what became of it; the asset that we know may be of an earlier one."""
        asset_id = video.asset_id
        if video.upload_id and (upload := await self._client.upload(video.upload_id)) is not None:
            if not upload.asset_id:
                return truth_of_upload(upload)
            asset_id = upload.asset_id
        asset = await self._client.asset(asset_id) if asset_id else None
        return AssetTruth(stage="gone") if asset is None else truth_of_asset(asset)

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Delivery:
        self._signatures.check(body, headers, now=now)
        return delivery(body, provider=PROVIDER)

    async def cancel_earlier_uploads(self, video: Reference) -> None:
        for upload_id in video.earlier_uploads:
            await self._remove_upload(upload_id)

    async def delete(self, video: Reference) -> None:
        for upload_id in [*video.earlier_uploads, video.upload_id]:
            await self._remove_upload(upload_id)
        for asset_id in [*video.earlier_assets, video.asset_id]:
            if asset_id:
                await self._client.delete_asset(asset_id)

    async def _remove_upload(self, upload_id: str) -> None:
        """With its asset, where it has one. Nothing happens where there is no such upload."""
        upload = await self._client.upload(upload_id) if upload_id else None
        if upload is not None and upload.asset_id:
            await self._client.delete_asset(upload.asset_id)
        elif upload is not None and upload.status == "waiting":
            await self._cancel(upload.id)

    async def _cancel(self, upload_id: str) -> None:
        try:
            await self._client.cancel_upload(upload_id)
        except ProviderRefused as refused:
            raise ProviderUnavailable("Mux is just taking the upload in, and will be asked again.") from refused

    async def grant_playback(
        self, playback_id: str, *, video_id: UUID, session_id: UUID, until: datetime, max_height: int | None
    ) -> PlaybackGrant:
        ends_at, resolution = int(until.timestamp()), _resolution(max_height)
        if until - self._clock.now() < REUSED_FROM:
            return self._grant(playback_id, resolution, ends_at)
        key = (playback_id, resolution, ends_at - ends_at % GRANT_BUCKET_SECONDS)
        if (found := self._grants.get(key)) is None:
            found = _kept(self._grants, key, self._grant(*key))
        return found

    def _grant(self, playback_id: str, resolution: str, ends_at: int) -> PlaybackGrant:
        claims = {**self._claims, "max_resolution": resolution} if resolution else self._claims
        token = self._tokens.sign(playback_id, "v", ends_at=ends_at, claims=claims)
        return PlaybackGrant(
            provider=PROVIDER,
            playback_id=playback_id,
            url=f"{self._hosts.stream}/{quote(playback_id, safe='')}.m3u8?token={token}",
            token=token,
            expires_at=datetime.fromtimestamp(ends_at, UTC),
        )

    def thumbnail_url(self, video_id: UUID, playback_id: str, *, now: datetime) -> str:
        bucket = int(now.timestamp()) // PICTURE_BUCKET_SECONDS
        key = (playback_id, (bucket + 2) * PICTURE_BUCKET_SECONDS)
        if (found := self._pictures.get(key)) is None:
            token = self._tokens.sign(playback_id, "t", ends_at=key[1], claims={"width": PICTURE_WIDTH})
            url = f"{self._hosts.image}/{quote(playback_id, safe='')}/thumbnail.jpg?token={token}"
            found = _kept(self._pictures, key, url)
        return found


def _resolution(max_height: int | None) -> str:
    """What Mux may deliver at most, empty without a limit; less than 270p it makes of nothing."""
    if max_height is None or max_height >= RESOLUTIONS[0]:
        return ""
    return f"{next((one for one in RESOLUTIONS if one <= max_height), RESOLUTIONS[-1])}p"


def _kept(kept: dict[K, V], key: K, value: V) -> V:
    """The oldest makes room."""
    while len(kept) >= KEPT_MAX:
        del kept[next(iter(kept))]
    kept[key] = value
    return value
