"""A bucket at moto's server, and a platform on it whose CloudFront is read with the public key."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.s3.bucket import Access, Bucket, client_of
from adapters.s3.cloudfront import CloudFront
from adapters.s3.platform import S3Video
from tests.adapters.local_video.clips import Clips
from tests.architecture.source import ROOT

PEERS = ROOT / ".venv-peers/bin/python"
KEY_ID, HOST = "K2JCJMDEHXQW5F", "https://d111111abcdef8.cloudfront.net"
START_SECONDS = 30.0
# Its own command answers by the reloading server of werkzeug.
SERVE = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"


class StandingClock:
    """Business time that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 20, 17, 3, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture(scope="module")
def amazon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of moto's server."""
    if not PEERS.exists():
        pytest.skip("there is no .venv-peers, which `make test` makes and in which moto is")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    process = subprocess.Popen([PEERS, "-c", SERVE, str(port)], stdout=log, stderr=log, env={**os.environ, "HOME": "/"})
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        yield address
    finally:
        process.kill()
        process.wait()
        log.close()


def _wait_for(address: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{address}/moto-api/", timeout=5)
        except httpx.TransportError:
            assert time.monotonic() < until, "moto does not start"
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def access(amazon: str) -> Access:
    """A bucket that is empty."""
    httpx.post(f"{amazon}/moto-api/reset", timeout=10).raise_for_status()
    access = Access(bucket="films", region="eu-central-1", endpoint=amazon, key_id="AKIDTEST", secret="secret")
    client_of("s3", access).create_bucket(
        Bucket="films", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return access


@pytest.fixture
def bucket(access: Access) -> Bucket:
    return Bucket(access)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


NewPlatform = Callable[..., S3Video]


@pytest.fixture
def new_platform(bucket: Bucket, rsa_key: rsa.RSAPrivateKey, clock: StandingClock, tmp_path: Path) -> NewPlatform:
    def made(**given: Any) -> S3Video:
        delivery = CloudFront(HOST, KEY_ID, pem_of(rsa_key))
        ours: dict[str, Any] = {"bucket": bucket, "delivery": delivery, "clock": clock, "work": tmp_path / "work"}
        return S3Video(**ours | given)

    return made


@pytest.fixture
def platform(new_platform: NewPlatform) -> S3Video:
    return new_platform()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))
