"""How the SDK reaches Stripe: over httpx, with a deadline for each request, and as fast as Stripe lets us.

The SDK brings an httpx client of its own, which hands the form to httpx in a way that httpx warns about, knows no
deadline for a whole answer, and asks the proxy that the environment names even for a Stripe on this machine.
"""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from ipaddress import ip_address
from random import SystemRandom
from typing import Any
from urllib.parse import urlsplit

import httpx
import stripe

from application.ports.pacing import Pace
from application.tracing import outgoing, part

ONCE_WITHIN_SECONDS: ContextVar[float | None] = ContextVar("once within seconds", default=None)
"""Where it is set a request is one attempt for the SDK too, and has that long."""
ONCE: Mapping[str, str] = {"stripe-should-retry": "false"}
"""How Stripe tells the SDK to leave it at that."""
CHANCE = SystemRandom()
TOO_MANY = 429
REFUSED_PAUSES_SECONDS = (0.25, 0.5, 1.0, 2.0)
"""Before a request that Stripe had no room for is sent again: one half of it to all of it."""
RETRY_AFTER_SECONDS_MAX = 5.0
"""Where Stripe wants more patience than that it is not asked again for this answer."""


class Transport(stripe.HTTPClient):
    """One request is one attempt: the SDK decides about the next one, but where Stripe had too many of them."""

    name = "httpx"

    def __init__(self, *, timeout_seconds: float, through_proxy: bool, pace: Pace) -> None:
        """`timeout_seconds` from the first byte sent to the last one received."""
        super().__init__()
        self._pace = pace
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(timeout=timeout_seconds, trust_env=through_proxy)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """As `_sent`, in its turn. Raises ProviderBusy where that is too far away."""
        for pause in REFUSED_PAUSES_SECONDS:
            answer = await self._in_turn(method, url, headers, post_data)
            wanted = _retry_after(answer[2])
            if answer[1] != TOO_MANY or wanted > RETRY_AFTER_SECONDS_MAX:
                return answer
            await asyncio.sleep(max(wanted, pause * CHANCE.uniform(0.5, 1)))
        return await self._in_turn(method, url, headers, post_data)

    async def _in_turn(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> tuple[bytes, int, Mapping[str, str]]:
        await self._pace.turn()
        answer = await self._sent(method, url, headers, post_data)
        if answer[1] == TOO_MANY:
            await self._pace.slow_down()
        return answer

    async def _sent(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> tuple[bytes, int, Mapping[str, str]]:
        within = ONCE_WITHIN_SECONDS.get()
        try:
            async with asyncio.timeout(within or self._timeout_seconds):
                with part(f"Stripe {method.upper()}", kind="client", attributes={"peer.service": "stripe"}):
                    response = await self._client.request(
                        method, url, headers={**headers, **outgoing()}, content=post_data
                    )
        except (httpx.RequestError, TimeoutError) as error:
            trouble = f"{type(error).__name__}: {error}"
            raise stripe.APIConnectionError(trouble, should_retry=within is None) from error  # type: ignore[no-untyped-call]
        headers = response.headers if within is None else {**response.headers, **ONCE}
        return response.content, response.status_code, headers

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    async def close_async(self) -> None:
        await self._client.aclose()


def _retry_after(headers: Mapping[str, str]) -> float:
    """In seconds; what Stripe says, which it seldom does."""
    given = headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdecimal() else 0.0


def is_here(url: str) -> bool:
    """A loopback address: another program on this machine, which no proxy could reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
