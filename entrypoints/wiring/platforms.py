"""The video platforms, each by its settings."""

from contextlib import AsyncExitStack

from adapters.local_video.platform import LocalVideo
from adapters.mux.client import MuxClient
from adapters.mux.platform import MuxHosts, MuxVideo
from adapters.mux.tokens import Tokens
from application.platforms import Platforms
from application.ports.video_platform import RemotePlatform
from entrypoints.settings import Settings, listed
from entrypoints.wiring.foundation import Foundation


def platforms_of(settings: Settings, base: Foundation, stack: AsyncExitStack) -> Platforms:
    """Our own disk always, the others where their settings are there; closed with the stack."""
    remote: list[RemotePlatform] = []
    if settings.uses_mux:
        remote.append(_mux(settings, base, stack))
    return Platforms(_own(settings, base), remote=remote, new_videos=settings.video_platform)


def _own(settings: Settings, base: Foundation) -> LocalVideo:
    return LocalVideo(
        settings.data_dir / "video",
        public_url=settings.address,
        signing_keys={"m1": base.master_keys.lasting_key("media")},
        accel_prefix=settings.media_accel_prefix,
        heights=sorted({int(height) for height in listed(settings.ladder_heights)}),
    )


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


def _uploading_page(settings: Settings) -> str:
    """Mux takes one origin for the uploads of browsers: of several any may be it, since the address is a secret."""
    origins = listed(settings.cors_origins) or (settings.address,)
    return origins[0] if len(origins) == 1 else "*"
