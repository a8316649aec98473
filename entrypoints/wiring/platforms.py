"""The video platforms, each by its settings."""

from adapters.local_video.platform import LocalVideo
from application.platforms import Platforms
from entrypoints.settings import Settings, listed
from entrypoints.wiring.foundation import Foundation


def platforms_of(settings: Settings, base: Foundation) -> Platforms:
    """Our own disk always, the others where their settings are there."""
    return Platforms(_own(settings, base), new_videos=settings.video_platform)


def _own(settings: Settings, base: Foundation) -> LocalVideo:
    return LocalVideo(
        settings.data_dir / "video",
        public_url=settings.address,
        signing_keys={"m1": base.master_keys.lasting_key("media")},
        accel_prefix=settings.media_accel_prefix,
        heights=sorted({int(height) for height in listed(settings.ladder_heights)}),
    )
