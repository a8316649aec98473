"""A flood of sign-ins at one API process, and how others are answered meanwhile."""

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import httpx
import msgspec

from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings

P99_MAX_SECONDS = 1.0
PAUSE_SECONDS = 0.01
TIMEOUT_SECONDS = 10.0
SIGNED_IN, TOO_BUSY, NOTHING = 200, 503, 0


class Flooded(NamedTuple):
    """What the sign-ins heard, by status, and the seconds that each answer to the others took."""

    sign_ins: Counter[int]
    plans: list[float]
    webhooks: list[float]
    failed: int

    @property
    def bearable(self) -> bool:
        """Each sign-in was let in or told to come again, and nobody else waited for them."""
        told = set(self.sign_ins) <= {SIGNED_IN, TOO_BUSY} and self.sign_ins[SIGNED_IN] > 0
        return told and not self.failed and max(p99(self.plans), p99(self.webhooks)) < P99_MAX_SECONDS

    def __str__(self) -> str:
        heard = ", ".join(f"{times} x {status}" for status, times in sorted(self.sign_ins.items()))
        others = f"/v1/plans p99 {p99(self.plans) * 1000:.0f} ms of {len(self.plans)}"
        others += f", webhooks p99 {p99(self.webhooks) * 1000:.0f} ms of {len(self.webhooks)}"
        return f"while sign-ins heard {heard}: {others}, {self.failed} failed"


def p99(took: Sequence[float]) -> float:
    return quantiles(took, n=100)[98]


async def flooded_with(port: int, bodies: Sequence[bytes], *, folder: Path, seconds: float) -> Flooded:
    """All of the bodies are sent to sign in at once, and again when all are answered."""
    secret = with_development_secrets(Settings(data_dir=folder)).stripe_webhook_secrets
    until = time.monotonic() + seconds
    heard: Counter[int] = Counter()
    flooding = asyncio.create_task(_waves(port, bodies, until, heard))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS) as client:
        numbers = count()

        async def webhook() -> httpx.Response:
            body = _event(next(numbers))
            return await client.post("/v1/webhooks/stripe", content=body, headers=_signed(body, secret))

        (plans, no_plans), (webhooks, not_kept) = await asyncio.gather(
            _ask(lambda: client.get("/v1/plans"), until), _ask(webhook, until)
        )
    await flooding
    return Flooded(heard, plans, webhooks, no_plans + not_kept)


async def _waves(port: int, bodies: Sequence[bytes], until: float, heard: Counter[int]) -> None:
    while time.monotonic() < until:
        heard.update(await asyncio.gather(*(_sign_in(port, body) for body in bodies)))


async def _sign_in(port: int, body: bytes) -> int:
    """The status, with as little work as it takes: the client shares the machine with the server."""
    head = f"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    request = head.encode() + b"Content-Type: application/json\r\n\r\n" + body
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                answer = await reader.read()
            finally:
                writer.close()
    except OSError:  # And TimeoutError, which is one.
        return NOTHING
    return int(answer.split(b" ", 2)[1]) if answer else NOTHING


async def _ask(send: Callable[[], Awaitable[httpx.Response]], until: float) -> tuple[list[float], int]:
    took, failed = [], 0
    while time.monotonic() < until:
        began = time.perf_counter()
        try:
            failed += not (await send()).is_success
        except httpx.HTTPError:
            failed += 1
        took.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE_SECONDS)
    return took, failed


def _event(number: int) -> bytes:
    subscription = {"id": "sub_1", "object": "subscription", "customer": "cus_of_nobody"}
    event: dict[str, object] = {"id": f"evt_flood_{number}", "object": "event", "type": "customer.subscription.updated"}
    event |= {"created": 1_700_000_000, "livemode": False, "api_version": "2026-01-28.clover"}
    return msgspec.json.encode(event | {"data": {"object": subscription}})


def _signed(body: bytes, secret: str) -> dict[str, str]:
    moment = int(time.time())
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
    return {"Stripe-Signature": f"t={moment},v1={signature}", "Content-Type": "application/json"}
