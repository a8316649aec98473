"""A client of the tiny application, and the whole service with the people who use it."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from entrypoints.wiring import ffmpeg
from tests.http.running import Person, Service, running_service
from tests.http.small_app import client_of, small_app


@pytest.fixture(scope="session")
def small_application() -> Litestar:
    return small_app()


@pytest.fixture
async def small(small_application: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(small_application) as client:
        yield client


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds in 240p, with sound."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=size=426x240:rate=25:duration=2"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"]
    subprocess.run([str(ffmpeg()), "-loglevel", "error", *picture, *sound, "-shortest", str(path)], check=True)
    return path.read_bytes()


@pytest.fixture(scope="module")
async def service(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """The running service, shared by the tests of one module: each brings people and things of its own."""
    folder: Path = tmp_path_factory.mktemp("service")
    async with running_service(module_database, folder) as service:
        yield service


@pytest.fixture
async def anna(service: Service) -> Person:
    return await service.sign_up()


@pytest.fixture
async def boris(service: Service) -> Person:
    return await service.sign_up()


@pytest.fixture(scope="module")
async def admin(service: Service) -> Person:
    return await service.sign_up("admin")


@pytest.fixture(scope="module")
async def auditor(service: Service) -> Person:
    return await service.sign_up("auditor")
