"""The whole service on a real socket, its worker, and the scripted Stripe beside it, in one loop and on one clock."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch
from uuid import UUID, uuid4

import httpx
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from application.recall import Asked, Recalled
from domain.account.account import Account, Role
from domain.shared.fact import NO_CAUSE, Actor
from domain.video.facts import Rendition, VideoCreated, VideoMadeReady, VideoPublished
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from entrypoints.wiring import House, foundation, open_house
from entrypoints.worker.worker import settle_webhooks, sweep
from tests.contracts.members import claim_of
from tests.http.running import two_ports
from tests.http.serving import served
from tests.people import StoppedClock
from tests.stripe_cases.case import Sold
from tests.stripe_cases.truth import SECRET_KEY, Truth, scripted_stripe

OPENED_AT = datetime(2026, 8, 1, tzinfo=UTC)
NEW_SECRET, OLD_SECRET = "whsec_new_0123456789abcdef", "whsec_old_0123456789abcdef"
RENTAL = "rental:m1"
RENTAL_PRICE = "price_rental"
RENTAL_DAYS = 2
SETTLED_SECONDS = 20.0
LOOK_SECONDS = 0.002
BY_THE_HOUSE = Asked(Actor("system", "stripe-cases"), NO_CAUSE)

UNSETTLED = """
    SELECT (SELECT count(*) FROM ops.inbox WHERE status = 'received' AND attempts = 0 AND event_id LIKE %(ids)s)
        + (SELECT count(*) FROM ops.customer_fences WHERE leased_until > now() AND customer_id LIKE %(ids)s)
"""
INBOX = "SELECT event_id, status, error, customer_id FROM ops.inbox WHERE event_id LIKE %(ids)s ORDER BY id"


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def signature(body: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()


def worded(feature: str) -> str:
    """A feature as our plans spell it."""
    return feature.replace(":", "-")


@dataclass
class Workers:
    """The worker's own loop over webhooks; `kill` leaves behind what `kill -9` would."""

    house: House
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Two of them, as two processes would run."""
        for _ in range(2):
            self.tasks.append(asyncio.create_task(settle_webhooks(self.house), name="webhooks"))

    async def start_sweeps(self) -> None:
        """Those that are due on the first day are done when it returns."""
        self.tasks.append(asyncio.create_task(sweep(self.house), name="sweeps"))
        async with asyncio.timeout(SETTLED_SECONDS):
            while {each.status for each in await self.house.sweeping.listing(before=None, limit=10)} != {"done"}:
                await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        for task in self.tasks:
            while not task.done():  # On Python 3.11 a cancellation may be missed.
                task.cancel()
                await asyncio.wait([task], timeout=1)
        self.tasks.clear()

    async def kill(self) -> None:
        """All workers end where they are; nobody gives a lease back."""
        with patch.object(self.house.convergence.customers, "release", AsyncMock()):
            await self.stop()


@dataclass(kw_only=True)
class Shop:
    """A shop that sells what the cases' catalogue has."""

    dsn: str
    house: House
    clock: StoppedClock
    truth: Truth
    workers: Workers
    http: httpx.AsyncClient
    looking: AsyncConnection[TupleRow]
    admin: UUID
    auditor: UUID
    videos: Mapping[str, UUID]
    """One that requires each feature."""
    rental_plan: str

    async def as_role(self, account_id: UUID) -> dict[str, str]:
        """A new session: a run may outlive a token."""
        tokens = await self.house.signing_in.open_session(account_id)
        return {"Authorization": f"Bearer {tokens.access_token}"}

    async def settled(self, run: str) -> None:
        """Wait until nothing of a run is being settled, or is to be for the first time."""
        async with asyncio.timeout(SETTLED_SECONDS):
            while (await self.look(UNSETTLED, run))[0][0]:
                await asyncio.sleep(LOOK_SECONDS)

    async def look(self, query: str, run: str) -> list[TupleRow]:
        cursor = await self.looking.execute(query.encode(), {"ids": f"%\\_{run}"})
        return await cursor.fetchall()

    async def leases_run_out(self, run: str) -> None:
        """What 90 seconds do."""
        query = b"UPDATE ops.customer_fences SET leased_until = now() WHERE customer_id LIKE %s"
        await self.looking.execute(query, (f"%\\_{run}",))


@asynccontextmanager
async def running_shop(
    dsn: str, folder: Path, catalog: Mapping[str, Sold], policy: Mapping[str, Any]
) -> AsyncIterator[Shop]:
    """A shop on a migrated database of its own, under one policy."""
    port, stripe_port = two_ports()
    clock = StoppedClock(OPENED_AT)
    truth = Truth(clock.now, [*(_price(id, sold.product) for id, sold in catalog.items()), _price(RENTAL_PRICE, "m1")])
    settings = Settings(
        port=port,
        data_dir=folder,
        database_url=dsn,
        stripe_secret_key=SECRET_KEY,
        stripe_webhook_secrets=f"{NEW_SECRET},{OLD_SECRET}",
        stripe_api_base=f"http://127.0.0.1:{stripe_port}",
        **{name: value for name, value in policy.items() if name in Settings.__struct_fields__},
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(served(scripted_stripe(truth), port=stripe_port))
        with patch.object(foundation, "RealClock", lambda: clock):  # Business time; sign-in has a real clock.
            house = await stack.enter_async_context(open_house(settings, dsn))
        await stack.enter_async_context(served(create_app(house), port=port))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=settings.address, timeout=40))
        workers = Workers(house)
        workers.start()
        stack.push_async_callback(workers.stop)
        looking = await stack.enter_async_context(await psycopg.AsyncConnection.connect(dsn, autocommit=True))
        admin, auditor = await account(house, "admin"), await account(house, "auditor")
        shop = Shop(
            dsn=dsn,
            house=house,
            clock=clock,
            truth=truth,
            workers=workers,
            http=http,
            looking=looking,
            admin=admin,
            auditor=auditor,
            videos={feature: await video(house, feature) for feature in ("sd", "hd", "uhd", RENTAL)},
            rental_plan="",
        )
        shop.rental_plan = await _sell(shop, catalog)
        yield shop


async def account(house: House, role: Role = "viewer") -> UUID:
    """Somebody who has no password, and is signed in without."""
    account_id = uuid4()
    facts = Account.register(account_id=account_id, email=f"{account_id}@example.com", name="Anna", role=role)
    await house.records.append(BY_THE_HOUSE, (Recalled(account_id, None, 0), facts), rows=[claim_of(account_id)])
    return account_id


async def video(house: House, feature: str) -> UUID:
    """One that can be played as far as everybody but FFmpeg is concerned."""
    id = uuid4()
    facts = [
        VideoCreated(
            video_id=id,
            title=f"In {feature}",
            description="",
            category="",
            access="subscribers",
            requires=worded(feature),
            platform="local",
        ),
        VideoMadeReady(video_id=id, playback_id=id.hex, duration_seconds=60.0, renditions=(Rendition(240, 300_000),)),
        VideoPublished(video_id=id),
    ]
    await house.records.append(BY_THE_HOUSE, (Recalled(id, None, 0), facts))
    return id


async def _sell(shop: Shop, catalog: Mapping[str, Sold]) -> str:
    """A plan to each price of the catalogue, over the API; the id of the one that is bought once."""
    headers = await shop.as_role(shop.admin)
    amount = {"amount": 999, "currency": "USD"}
    bodies = [
        {"name": id, "price": amount, "interval": "month", "features": list(sold.features), "stripe_price_id": id}
        for id, sold in catalog.items()
    ]
    rental = {"name": "Rental", "price": amount, "interval": "once", "duration_days": RENTAL_DAYS}
    created = {}
    for body in [*bodies, rental | {"features": [worded(RENTAL)], "stripe_price_id": RENTAL_PRICE}]:
        created = (await shop.http.post("/v1/admin/plans", json=body, headers=headers)).raise_for_status().json()
    return str(created["id"])


def _price(id: str, product: str) -> dict[str, Any]:
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    return {
        "id": id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": 1_786_233_600,
        "currency": "usd",
        "livemode": True,
        "metadata": {},
        "product": product,
        "recurring": None if id == RENTAL_PRICE else recurring,
        "type": "one_time" if id == RENTAL_PRICE else "recurring",
        "unit_amount": 999,
    }
