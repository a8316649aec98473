"""One simulated Mux for a module; each test brings its own videos."""

import asyncio
from collections.abc import Iterator

import pytest

from adapters.memory.clock import MemoryClock
from adapters.mux.platform import MuxVideo
from tests.adapters.mux.simulated import SimulatedMux, simulated_mux
from tests.contracts.video_platform import NOW


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedMux]:
    with simulated_mux(tmp_path_factory.mktemp("mux"), lambda: NOW) as mux:
        yield mux


@pytest.fixture
def mux(simulated: SimulatedMux) -> Iterator[SimulatedMux]:
    """It does all well, and at once."""
    simulated.finish("at_once")
    simulated.delivers()
    simulated.will_fail()
    simulated.heard.clear()
    yield simulated
    simulated.told()


@pytest.fixture
def platform(mux: SimulatedMux) -> Iterator[MuxVideo]:
    platform = mux.platform(MemoryClock(NOW))
    yield platform
    asyncio.run(platform.close())
