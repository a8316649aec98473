"""A simulated Mux on a real port, with what tests do to it, and the adapter that talks to it."""

import base64
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from litestar import Request, post

from adapters.mux.client import MuxClient
from adapters.mux.platform import MuxHosts, MuxVideo
from adapters.mux.tokens import Tokens
from adapters.sandbox.mux.account import SIGNING_KEY_ID, TOKEN_ID, TOKEN_SECRET
from adapters.sandbox.mux.simulator import mux_simulator
from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.simulator import Simulator
from application.ports.world import Clock
from tests.adapters.stripe.simulated import address, bound, serving

WEBHOOK_SECRET = "a secret of Mux's webhooks"
PATIENCE_SECONDS = 10.0


@cache
def private_key() -> str:
    """As Mux shows it: base64 of a PEM."""
    return encoded(rsa.generate_private_key(public_exponent=65_537, key_size=2_048))


def encoded(key: rsa.RSAPrivateKey) -> str:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return base64.b64encode(pem).decode()


class SimulatedMux:
    """What is done to Mux and not by the adapter; `heard` are the webhooks that it sent, with their headers."""

    def __init__(self, url: str, heard: list[tuple[bytes, dict[str, str]]]) -> None:
        self.api_base = f"{url}/mux"
        self.hosts = MuxHosts(stream=f"{self.api_base}/stream", image=f"{self.api_base}/image")
        self.heard = heard
        self.http = httpx.Client(base_url=self.api_base, timeout=20, auth=(TOKEN_ID, TOKEN_SECRET))

    def platform(self, clock: Clock, *, api_base: str = "", timeout_seconds: float = 10.0, **given: Any) -> MuxVideo:
        client = MuxClient(
            TOKEN_ID,
            TOKEN_SECRET,
            api_base=api_base or self.api_base,
            timeout_seconds=timeout_seconds,
            pauses_seconds=(0.01, 0.01),
        )
        tokens, usual = Tokens(SIGNING_KEY_ID, private_key()), {"cors_origin": "*", "hosts": self.hosts}
        return MuxVideo(client, tokens, [WEBHOOK_SECRET], clock=clock, **{**usual, **given})

    def finish(self, when: str) -> None:
        """`at_once`, or `when_told`."""
        self.http.put("/_sandbox/assets", json={"finish": when}).raise_for_status()

    def finish_now(self, asset_id: str) -> None:
        self.http.post(f"/_sandbox/assets/{asset_id}/finish").raise_for_status()

    def says(self, asset_id: str, **fields: Any) -> None:
        self.http.put(f"/_sandbox/assets/{asset_id}", json=fields).raise_for_status()

    def will_fail(self, *faults: Mapping[str, Any]) -> None:
        self.http.put("/_sandbox/faults", json={"faults": faults}).raise_for_status()

    def delivers(self, **mode: Any) -> None:
        self.http.put("/_sandbox/deliveries", json={"mode": mode}).raise_for_status()

    def put(self, url: str, body: bytes) -> int:
        """As whoever has the address does."""
        return httpx.put(url, content=body).status_code

    def plays(self, url: str) -> bool:
        answer = httpx.get(url)
        return answer.status_code == 200 and answer.text.startswith("#EXTM3U")

    def has(self, upload_id: str) -> dict[str, Any]:
        return dict[str, Any](self.http.get(f"/video/v1/uploads/{upload_id}").raise_for_status().json()["data"])

    def hears_of(self, asset_id: str) -> int:
        return self.http.get(f"/video/v1/assets/{asset_id}").status_code

    def told(self) -> None:
        """Until all webhooks have been delivered."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.http.get("/_sandbox/pending").json()["pending"]:
            assert time.monotonic() < deadline, "The webhooks were not delivered in time."
            time.sleep(0.01)


@contextlib.contextmanager
def simulated_mux(folder: Path, now: Callable[[], datetime]) -> Iterator[SimulatedMux]:
    heard: list[tuple[bytes, dict[str, str]]] = []

    @post("/")
    async def hear(request: Request[Any, Any, Any]) -> None:
        heard.append((await request.body(), dict(request.headers.items())))

    listening = Simulator(path="/heard", route_handlers=[hear], lifespan=lambda _: nullcontext())
    with bound() as free:
        simulator = mux_simulator(
            store_path=folder / "mux.sqlite",
            public_url=address(free),
            webhook_url=f"{address(free)}/heard",
            webhook_secret=WEBHOOK_SECRET,
            signing_private_key=private_key(),
            clock=now,
        )
        with serving(create_sandbox_app([simulator, listening]), free) as url:
            mux = SimulatedMux(url, heard)
            with contextlib.closing(mux.http):
                yield mux
