"""The local platform keeps what every video platform promises."""

from pathlib import Path

import pytest

from adapters.local_video.platform import LocalVideo
from adapters.transcoding.limits import Limits
from application.ports.video_platform import OwnPlatform
from tests.adapters.local_video.screening import local_video
from tests.contracts.video_platform import PlatformCase, VideoPlatformContract


class TestLocalVideo(VideoPlatformContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> PlatformCase:
        limits = Limits(upload_bytes=1_000_000)
        return PlatformCase(local_video(tmp_path, limits), playback_id="0123456789abcdef", limit_bytes=1_000_000)


def test_it_is_a_platform_of_our_own(platform: LocalVideo) -> None:
    own: OwnPlatform = platform

    assert own.name == "local"
