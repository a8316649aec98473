"""A platform on an empty folder, and a film that has been through it once for all who only look."""

from pathlib import Path

import pytest

from adapters.local_video.platform import LocalVideo
from tests.adapters.local_video.clips import Clips
from tests.adapters.local_video.screening import Screening, local_video, screen


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "videos"


@pytest.fixture
def platform(root: Path) -> LocalVideo:
    return local_video(root)


@pytest.fixture(scope="session")
async def film(clips: Clips, tmp_path_factory: pytest.TempPathFactory) -> Screening:
    """Six seconds in 480p with sound: two rungs, two segments, three key frames. Not to be changed."""
    return await screen(local_video(tmp_path_factory.mktemp("film")), clips.landscape)
