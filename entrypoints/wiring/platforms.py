"""The video platforms, each by its settings."""

from contextlib import AsyncExitStack

from adapters.cloudflare.client import API, Cloudflare
from adapters.cloudflare.platform import CloudflareStream
from adapters.cloudflare.tokens import Tokens as CloudflareTokens
from adapters.local_video.platform import LocalVideo
from adapters.mux.client import MuxClient
from adapters.mux.platform import MuxHosts, MuxVideo
from adapters.mux.tokens import Tokens
from adapters.s3.bucket import Access, Bucket
from adapters.s3.cloudfront import CloudFront
from adapters.s3.platform import S3Video
from adapters.s3.queue import UploadQueue
from application.platforms import Platforms
from application.ports.video_platform import RemotePlatform
from entrypoints.settings import Settings, listed
from entrypoints.wiring.foundation import Foundation


def platforms_of(settings: Settings, base: Foundation, stack: AsyncExitStack) -> Platforms:
    """Our own disk always, the others where their settings are there; closed with the stack."""
    remote: list[RemotePlatform] = []
    if settings.uses_mux:
        remote.append(_mux(settings, base, stack))
    if settings.uses_cloudflare:
        remote.append(_cloudflare(settings, base, stack))
    parted = [_s3(settings, base)] if settings.uses_s3 else []
    return Platforms(_own(settings, base), parted=parted, remote=remote, new_videos=settings.video_platform)


def upload_notices(settings: Settings) -> UploadQueue | None:
    """None where no queue tells of uploads."""
    return UploadQueue(_access(settings), settings.sqs_queue_url) if settings.sqs_queue_url else None


def _own(settings: Settings, base: Foundation) -> LocalVideo:
    return LocalVideo(
        settings.data_dir / "video",
        public_url=settings.address,
        signing_keys={"m1": base.master_keys.lasting_key("media")},
        accel_prefix=settings.media_accel_prefix,
        heights=_heights(settings),
        content_secret=base.master_keys.lasting_key("media content"),
        encrypts=settings.hls_encryption == "aes128",
    )


def _s3(settings: Settings, base: Foundation) -> S3Video:
    delivery = CloudFront(settings.cloudfront_url, settings.cloudfront_key_pair_id, settings.cloudfront_private_key)
    return S3Video(
        Bucket(_access(settings)),
        delivery,
        clock=base.business_time,
        work=settings.data_dir / "s3",
        heights=_heights(settings),
    )


def _access(settings: Settings) -> Access:
    return Access(
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        key_id=settings.s3_access_key_id,
        secret=settings.s3_secret_access_key,
    )


def _heights(settings: Settings) -> list[int]:
    return sorted({int(height) for height in listed(settings.ladder_heights)})


def _mux(settings: Settings, base: Foundation, stack: AsyncExitStack) -> MuxVideo:
    usual = MuxHosts()
    mux = MuxVideo(
        MuxClient(settings.mux_token_id, settings.mux_token_secret, api_base=settings.mux_api_base or None),
        Tokens(settings.mux_signing_key_id, settings.mux_signing_private_key),
        listed(settings.mux_webhook_secrets),
        clock=base.business_time,
        hosts=MuxHosts(
            stream=(settings.mux_stream_base or usual.stream).rstrip("/"),
            image=(settings.mux_image_base or usual.image).rstrip("/"),
        ),
        cors_origin=_uploading_page(settings),
        restriction_id=settings.mux_playback_restriction_id,
        test=settings.mux_test,
    )
    stack.push_async_callback(mux.close)
    return mux


def _cloudflare(settings: Settings, base: Foundation, stack: AsyncExitStack) -> CloudflareStream:
    api_base = settings.cloudflare_api_base or API
    client = Cloudflare(
        settings.cloudflare_account_id,
        settings.cloudflare_api_token,
        api_base=api_base,
        through_proxy=not api_base.startswith("http://"),
    )
    cloudflare = CloudflareStream(
        client,
        CloudflareTokens(settings.cloudflare_signing_key_id, settings.cloudflare_signing_private_key),
        listed(settings.cloudflare_webhook_secrets),
        clock=base.business_time,
        delivery_base=settings.cloudflare_delivery_base,
    )
    stack.push_async_callback(cloudflare.close)
    return cloudflare


def _uploading_page(settings: Settings) -> str:
    """Mux takes one origin for the uploads of browsers: of several any may be it, since the address is a secret."""
    origins = listed(settings.cors_origins) or (settings.address,)
    return origins[0] if len(origins) == 1 else "*"
