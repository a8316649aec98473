"""How the SDK reaches Stripe: over httpx, with a deadline for each request.

The SDK brings an httpx client of its own, which hands the form to httpx in a way that httpx warns about, knows no
deadline for a whole answer, and asks the proxy that the environment names even for a Stripe on this machine.
"""

import asyncio
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx
import stripe


class Transport(stripe.HTTPClient):
    """One request is one attempt: the SDK decides about the next one."""

    name = "httpx"

    def __init__(self, *, timeout_seconds: float, through_proxy: bool) -> None:
        """`timeout_seconds` from the first byte sent to the last one received."""
        super().__init__()
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(timeout=timeout_seconds, trust_env=through_proxy)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._client.request(method, url, headers=headers, content=post_data)
        except (httpx.RequestError, TimeoutError) as error:
            trouble = f"{type(error).__name__}: {error}"
            raise stripe.APIConnectionError(trouble, should_retry=True) from error  # type: ignore[no-untyped-call]
        return response.content, response.status_code, response.headers

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    async def close_async(self) -> None:
        await self._client.aclose()


def is_here(url: str) -> bool:
    """A loopback address: another program on this machine, which no proxy could reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
