"""The service under one policy, on one database, for many lives; each has a Stripe of its own behind one address."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.stripe.simulator import stripe_simulator
from adapters.stripe import sweeping
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from entrypoints.wiring import House, foundation, open_house
from tests.http.running import two_ports
from tests.http.serving import served
from tests.lives.oracle import Policy
from tests.lives.stripe import Stage, Stripe
from tests.people import StoppedClock
from tests.stripe_cases.shop import account

OPENED_AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
KEY, SECRET = "sk_test_lives", "whsec_lives_0123456789abcdef"
ROUNDS_MAX = 40
PAGE_SIZE = 3
"""Of what a sweep asks for, so that even one life has several pages."""

FEATURES: Mapping[str, tuple[int, str, tuple[str, ...]]] = {
    "Basic": (999, "month", ("sd",)),
    "Premium": (1999, "month", ("sd", "hd")),
    "Yearly": (9999, "year", ("hd",)),
    "Free": (0, "month", ("trailers",)),
}
"""What each plan costs, how often, and what it gives."""
EXTRA = ("sd", "extra")
"""What is given by a plan that is made of a price which Stripe had before."""

# What hours of real time do: retries fall due.
HURRY = """
    UPDATE ops.inbox SET due_at = now() WHERE status = 'received' AND due_at > now();
    UPDATE ops.inbox SET look_again_at = now() WHERE status = 'parked';
"""
LEASES_RUN_OUT = """
    UPDATE ops.customer_fences SET leased_until = now() WHERE leased_until > now();
    UPDATE ops.sweeps SET leased_until = now() WHERE leased_until > now();
"""
UNSETTLED = "SELECT event_id, type, status, error FROM ops.inbox WHERE status <> 'done'"
FORGET = "DELETE FROM ops.customer_fences; DELETE FROM ops.inbox; DELETE FROM ops.sweeps;"


@dataclass(kw_only=True)
class Town:
    """What lives have in common; one is lived at a time."""

    name: str
    policy: Policy
    house: House
    clock: StoppedClock
    api: httpx.AsyncClient
    stage: Stage
    prices: Mapping[str, str]
    """By the names of the plans."""
    plans: Mapping[str, str]
    folder: Path
    settings: Settings
    _database: AsyncConnection[TupleRow]

    @property
    def sells(self) -> Mapping[str, frozenset[str]]:
        return {price: frozenset(FEATURES[name][2]) for name, price in self.prices.items()}

    async def signed_in(self, account_id: UUID) -> dict[str, str]:
        tokens = await self.house.signing_in.open_session(account_id)
        return {"Authorization": f"Bearer {tokens.access_token}"}

    async def as_admin(self) -> dict[str, str]:
        return await self.signed_in(await account(self.house, "admin"))

    async def make_a_plan_of(self, price: str) -> None:
        body = {"name": "Extra", "price": {"amount": 700, "currency": "USD"}, "interval": "month", "features": EXTRA}
        headers = await self.as_admin()
        made = await self.api.post("/v1/admin/plans", json=body | {"stripe_price_id": price}, headers=headers)
        made.raise_for_status()

    async def hurry(self) -> None:
        await self._database.execute(HURRY)

    async def leases_run_out(self) -> None:
        await self._database.execute(LEASES_RUN_OUT)

    async def unsettled(self) -> list[TupleRow]:
        return await (await self._database.execute(UNSETTLED)).fetchall()

    async def settle(self) -> None:
        """As the worker does, until nothing is due."""
        await self.hurry()
        for _ in range(ROUNDS_MAX):
            if not (await self.house.finding.find_waiting() or await self.house.convergence.settle_waiting()):
                return

    async def sweep(self, kind: Any) -> None:
        await self.house.sweeping.sweeps.request(kind, cause="lives")
        await self.go_on_sweeping()

    async def go_on_sweeping(self) -> None:
        """With those that were cut off, once their leases have run out."""
        while await self.house.sweeping.sweep_next() is not None:
            pass

    @asynccontextmanager
    async def stripe(self, begins: datetime) -> AsyncIterator[Stripe]:
        """A Stripe that has the plans' prices and nothing else; the clocks go back to where a life begins."""
        self.clock.moment = begins
        path = self.folder / "life.sqlite3"
        shutil.copy(self.folder / "prices.sqlite3", path)
        try:
            async with playing(self.stage, path, self.settings, begins) as stripe:
                yield stripe
        finally:
            for left in self.folder.glob("life.sqlite3*"):
                left.unlink()
            await self._database.execute(FORGET)


@asynccontextmanager
async def playing(stage: Stage, path: Path, settings: Settings, begins: datetime) -> AsyncIterator[Stripe]:
    """Its webhooks are held back: a life says which are sent, when, and how often."""
    clock = StoppedClock(begins)
    simulator = stripe_simulator(
        store_path=path,
        public_url=settings.sandbox_address,
        webhook_url=f"{settings.address}/v1/webhooks/stripe",
        webhook_secret=SECRET,
        clock=clock.now,
    )
    stage.app = create_sandbox_app([simulator])
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        simulator.lifespan(stage.app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(stage), base_url=settings.sandbox_address, headers=headers, timeout=20
        ) as http,
    ):
        stripe = Stripe(http, clock)
        await stripe.control("PUT", "deliveries", mode={"hold": True})
        await stripe.control("PUT", "events/suppressed", types=[])
        yield stripe


@asynccontextmanager
async def running_town(dsn: str, folder: Path, name: str, policy: Policy) -> AsyncIterator[Town]:
    """One that has opened for business, with plans on sale."""
    async with opened_town(dsn, folder, name, policy) as town:
        async with playing(town.stage, folder / "prices.sqlite3", town.settings, OPENED_AT) as stripe:
            await stripe.control("PUT", "events/suppressed", types=["*"])
            await _sell(town, stripe)
        yield town


@asynccontextmanager
async def opened_town(dsn: str, folder: Path, name: str, policy: Policy) -> AsyncIterator[Town]:
    """As its database has it."""
    port, stripe_port = two_ports()
    clock, stage = StoppedClock(OPENED_AT), Stage()
    settings = Settings(
        port=port,
        sandbox_port=stripe_port,
        data_dir=folder,
        database_url=dsn,
        stripe_secret_key=KEY,
        stripe_webhook_secrets=SECRET,
        stripe_api_base=f"http://127.0.0.1:{stripe_port}/stripe",
        stripe_requests_per_second=1_000,
        sweep_customers_per_second=1_000,
        **asdict(policy),
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(served(stage, port=stripe_port))
        stack.enter_context(patch.object(sweeping, "PAGE_SIZE", PAGE_SIZE))
        with patch.object(foundation, "RealClock", lambda: clock):  # Business time; sign-in has a real clock.
            house = await stack.enter_async_context(open_house(settings, dsn))
        house.live_engine.start()
        stack.push_async_callback(asyncio.to_thread, house.live_engine.stop)
        _ask_again_at_once(house)
        app: Any = create_app(house)
        await stack.enter_async_context(served(app, port=port))
        api = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=settings.address, timeout=40)
        )
        yield Town(
            name=name,
            policy=policy,
            house=house,
            clock=clock,
            api=api,
            stage=stage,
            prices={},
            plans={},
            folder=folder,
            settings=settings,
            _database=await stack.enter_async_context(await psycopg.AsyncConnection.connect(dsn, autocommit=True)),
        )


def _ask_again_at_once(house: House) -> None:
    """The SDK waits for a second or so before it asks a failing Stripe again; so many lives have no time for it."""

    async def no_time(_: float) -> None:
        await asyncio.sleep(0)

    billing: Any = house.convergence.billing
    billing._transport.sleep_async = no_time


async def _sell(town: Town, stripe: Stripe) -> None:
    """The plans, over the API; their prices, as Stripe has them."""
    headers = await town.as_admin()
    plans = {}
    for name, (amount, interval, features) in FEATURES.items():
        body = {"name": name, "price": {"amount": amount, "currency": "USD"}, "interval": interval}
        made = await town.api.post("/v1/admin/plans", json=body | {"features": features}, headers=headers)
        plans[name] = made.raise_for_status().json()["id"]
    town.plans = plans
    products = {product["id"]: product["name"] for product in await stripe.all("products")}
    town.prices = {products[price["product"]]: price["id"] for price in await stripe.all("prices")}
    assert town.prices.keys() == FEATURES.keys()
