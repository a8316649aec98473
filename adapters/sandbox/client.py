"""The simulated providers as the movable clock sees them: when something falls due, and what is still on its way."""

from datetime import datetime

import httpx
import msgspec

from application.errors import ProviderUnavailable

TIMEOUT_SECONDS = 20.0


class NextDue(msgspec.Struct, frozen=True):
    at: datetime | None


class Pending(msgspec.Struct, frozen=True):
    pending: int


class SandboxClient:
    """Plays `DueMoments` over the controls of the sandbox server at `address`; close it when it is done with."""

    def __init__(self, address: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{address}/stripe/_sandbox", timeout=TIMEOUT_SECONDS, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def next_due(self, *, until: datetime) -> datetime | None:
        """The next moment up to `until` at which a provider does something. Raises ProviderUnavailable."""
        moment = msgspec.json.decode(await self._ask("GET", "/next_due"), type=NextDue).at
        return moment if moment is not None and moment <= until else None

    async def advance(self, to: datetime | None) -> None:
        """Have the providers do what falls due up to a moment; None: follow the clock. Raises ProviderUnavailable."""
        await self._ask("POST", "/advance", {"to": to.isoformat() if to else None})

    async def pending(self) -> int:
        """How many webhooks are still to be delivered. Raises ProviderUnavailable."""
        return msgspec.json.decode(await self._ask("GET", "/pending"), type=Pending).pending

    async def _ask(self, method: str, path: str, body: object = None) -> bytes:
        try:
            answer = await self._http.request(method, path, json=body)
            answer.raise_for_status()
        except httpx.HTTPError as trouble:
            raise ProviderUnavailable(f"the sandbox does not answer: {trouble}") from trouble
        return answer.content
