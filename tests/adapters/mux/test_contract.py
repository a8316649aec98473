"""Mux keeps what every remote video platform promises."""

from collections.abc import Mapping, Sequence

import pytest

from adapters.mux.platform import MuxVideo
from application.ports.video_platform import PlaybackGrant, Reference, UploadGrant
from tests.adapters.mux.films import NO_FILM, film
from tests.adapters.mux.simulated import SimulatedMux
from tests.contracts.video_platform import RemoteCase, RemotePlatformContract


class MuxCase(RemoteCase):
    playback_id = "zwqWkMmnXoCDqHhFNl7EPPsqp0cLwoD3CjokJWTO2ji3"

    def __init__(self, platform: MuxVideo, mux: SimulatedMux) -> None:
        self.platform, self._mux = platform, mux
        mux.finish("when_told")

    async def send(self, grant: UploadGrant, *, good: bool = True) -> None:
        assert self._mux.put(grant.url, film() if good else NO_FILM) == 200

    async def finish(self, upload: Reference) -> None:
        self._mux.finish_now(self._mux.has(upload.upload_id)["asset_id"])

    async def lose(self, video: Reference) -> None:
        self._mux.http.delete(f"/video/v1/assets/{video.asset_id}").raise_for_status()

    async def notices(self) -> Sequence[tuple[bytes, Mapping[str, str]]]:
        self._mux.told()
        return self._mux.heard

    async def plays(self, grant: PlaybackGrant) -> bool:
        return self._mux.plays(grant.url)


class TestMuxVideo(RemotePlatformContract):
    @pytest.fixture
    def remote(self, platform: MuxVideo, mux: SimulatedMux) -> RemoteCase:
        return MuxCase(platform, mux)
