"""The whole service in one loop: a real database, a real server, the simulated Stripe, and people who use them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from domain.shared.fact import NO_CAUSE
from entrypoints.http.app import create_app
from entrypoints.settings import Settings, listed
from entrypoints.wiring import House, open_house
from entrypoints.wiring.sandbox import sandbox_app
from tests.http.serving import served

PASSWORD = "a lighthouse in the fog"
NUMBERS = count(1)


@dataclass
class Person:
    """Somebody who is signed in, with a client of their own."""

    account_id: UUID
    email: str
    refresh_token: str
    http: httpx.AsyncClient


@dataclass
class Service:
    """The running service: `public` is a stranger's client, `house` what stands behind the API."""

    address: str
    house: House
    public: httpx.AsyncClient
    _clients: AsyncExitStack = field(repr=False)

    async def sign_up(self, role: str = "viewer") -> Person:
        """A new person, in a role that only the inside can give."""
        email = f"person{next(NUMBERS)}@example.com"
        registered = await self.house.accounts.register(
            email=email,
            password=PASSWORD,
            name="Anna",
            cause=NO_CAUSE,
            role=role,  # type: ignore[arg-type]  # a word of ours
        )
        tokens = await self.house.signing_in.open_session(registered.account.id)
        http = httpx.AsyncClient(base_url=self.address, headers={"Authorization": f"Bearer {tokens.access_token}"})
        await self._clients.enter_async_context(http)
        return Person(registered.account.id, email, tokens.refresh_token, http)

    async def plan_on_sale(self, admin: Person, **given: Any) -> Any:
        """A monthly plan that has its price at the simulated Stripe, as the API shows it."""
        body = {"name": "Cooking", "price": {"amount": 999, "currency": "USD"}, "interval": "month"} | given
        created = await admin.http.post("/v1/admin/plans", json=body)
        assert created.status_code == 201, created.text
        return created.json()

    async def subscribe(self, viewer: Person, plan: Any) -> None:
        """Pay on the simulated page, and settle the webhooks that come of it."""
        opened = await viewer.http.post("/v1/checkout", json={"plan_id": plan["id"]})
        assert opened.status_code == 201, opened.text
        paid = await self.public.post(opened.json()["url"], data={"outcome": "pay"})
        assert paid.status_code == 303, paid.text
        async with asyncio.timeout(20):
            while not (await viewer.http.get("/v1/me/subscription")).json()["access"]["granted"]:
                await self.house.convergence.settle_waiting()
                await asyncio.sleep(0.05)

    async def waiting_video(self, admin: Person, **given: Any) -> Any:
        """A video that has no file yet, with its upload link."""
        created = await admin.http.post("/v1/admin/videos", json={"title": "Onions", "access": "subscribers"} | given)
        assert created.status_code == 201, created.text
        return created.json()

    async def published_video(self, admin: Person, film: bytes, **given: Any) -> Any:
        """A video that was uploaded, transcoded here and now, and published."""
        created = await self.waiting_video(admin, **given)
        sent = await self.public.put(created["upload"]["url"], content=film)
        assert sent.status_code == 204, sent.text
        await self.house.videos.transcode(UUID(created["video"]["id"]))
        published = await admin.http.post(f"/v1/admin/videos/{created['video']['id']}/publish")
        assert published.status_code == 200, published.text
        return published.json()


@asynccontextmanager
async def running_service(dsn: str, folder: Path, **given: Any) -> AsyncIterator[Service]:
    """The service on a migrated database; its read models follow, its webhooks are settled when a test says so.

    It has these settings beside its own.
    """
    port, sandbox_port = two_ports()
    settings = Settings(
        port=port, sandbox_port=sandbox_port, data_dir=folder, database_url=dsn, sandbox_clock=True, **given
    )
    async with AsyncExitStack() as stack:
        simulated = stack.enter_context(sandbox_app(settings, dsn))
        await stack.enter_async_context(served(simulated, port=sandbox_port))
        house = await stack.enter_async_context(open_house(settings, dsn))
        trusted = listed(settings.trusted_proxies)
        await stack.enter_async_context(served(create_app(house, look_seconds=0), port=port, trusted_proxies=trusted))
        house.live_engine.start()
        stack.push_async_callback(asyncio.to_thread, house.live_engine.stop)
        public = await stack.enter_async_context(httpx.AsyncClient(base_url=settings.address, timeout=40))
        clients = await stack.enter_async_context(AsyncExitStack())
        yield Service(settings.address, house, public, clients)


def two_ports() -> tuple[int, int]:
    """Two ports that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
