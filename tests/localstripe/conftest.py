"""localstripe in a process of its own, the gateway before it, and our service on a real socket behind both."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from entrypoints.wiring import House, open_house
from entrypoints.worker.worker import settle_webhooks
from tests.architecture.source import ROOT
from tests.http.running import two_ports
from tests.http.serving import served
from tests.localstripe.gateway import Gateway
from tests.stripe_cases.shop import BY_THE_HOUSE, account

PEERS = ROOT / ".venv-peers/bin/python"
KEY, SECRET = "sk_test_localstripe", "whsec_localstripe_0123456789"
PATIENCE_SECONDS = 20.0
LOOK_SECONDS = 0.02
# Its own command listens on every address, and keeps its books where all users of the machine can write.
SERVE = """
import sys
from aiohttp import web
from localstripe import resources
from localstripe.server import app
resources.store.dump_to_disk = lambda: None
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@dataclass
class Counterpart:
    """localstripe, as the operator uses it; forms are spelt as Stripe's."""

    http: httpx.AsyncClient

    async def make(self, path: str, **form: str) -> dict[str, Any]:
        answer = await self.http.post(f"/v1/{path}", data=form)
        assert answer.is_success, answer.text
        return dict[str, Any](answer.json())

    async def remove(self, path: str) -> None:
        (await self.http.delete(f"/v1/{path}")).raise_for_status()


@dataclass
class Shop:
    """Our service, whose Stripe is localstripe."""

    house: House
    stripe: Counterpart
    api: httpx.AsyncClient
    plan: str
    """As localstripe knows it."""

    async def somebody(self, card: str) -> tuple[UUID, str]:
        """An account, bound to a customer who has such a card."""
        account_id = await account(self.house)
        customer = await self.stripe.make("customers", email="anna@example.com")
        method = await self.stripe.make(
            "payment_methods",
            type="card",
            **{"card[number]": card, "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123"},
        )
        await self.stripe.make(f"payment_methods/{method['id']}/attach", customer=customer["id"])
        await self.stripe.make(
            f"customers/{customer['id']}", **{"invoice_settings[default_payment_method]": method["id"]}
        )
        await self.house.customer_binding.bind(account_id, customer["id"], BY_THE_HOUSE)
        return account_id, str(customer["id"])

    async def subscribe(self, customer: str) -> dict[str, Any]:
        return await self.stripe.make("subscriptions", customer=customer, **{"items[0][plan]": self.plan})

    async def access(self, account_id: UUID) -> dict[str, Any]:
        tokens = await self.house.signing_in.open_session(account_id)
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        answer = await self.api.get("/v1/me/subscription", headers=headers)
        return dict[str, Any](answer.raise_for_status().json()["access"])

    async def becomes(self, account_id: UUID, reason: str) -> dict[str, Any]:
        """The access, as soon as this is why it is given or refused; localstripe waits a second with its webhooks."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (access := await self.access(account_id))["reason"] != reason:
                await asyncio.sleep(LOOK_SECONDS)
        return access


@pytest.fixture(scope="module")
def counterpart_address() -> Iterator[str]:
    if not PEERS.exists():
        pytest.skip("there is no .venv-peers, which `make test` makes and in which localstripe is")
    port, _ = two_ports()
    with subprocess.Popen([PEERS, "-c", SERVE, str(port)]) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
async def shop(
    counterpart_address: str, module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    port, gateway_port = two_ports()
    folder: Path = tmp_path_factory.mktemp("localstripe")
    settings = Settings(
        port=port,
        data_dir=folder,
        database_url=module_database,
        stripe_secret_key=KEY,
        stripe_webhook_secrets=SECRET,
        stripe_api_base=f"http://127.0.0.1:{gateway_port}",
    )
    async with AsyncExitStack() as stack:
        headers = {"Authorization": f"Bearer {KEY}"}
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=counterpart_address, headers=headers))
        await _until_it_answers(http)
        await stack.enter_async_context(served(Gateway(http), port=gateway_port))
        house = await stack.enter_async_context(open_house(settings, module_database))
        await stack.enter_async_context(served(create_app(house), port=port))
        api = await stack.enter_async_context(httpx.AsyncClient(base_url=settings.address))
        worker = asyncio.create_task(settle_webhooks(house))
        stack.callback(worker.cancel)
        hook = {"url": f"{settings.address}/v1/webhooks/stripe", "secret": SECRET}
        (await http.post("/_config/webhooks/ours", data=hook)).raise_for_status()
        stripe = Counterpart(http)
        yield Shop(house, stripe, api, await _sell(house, stripe, api))


async def _until_it_answers(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                (await http.get("/v1/customers")).raise_for_status()
            except httpx.ConnectError:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return


async def _sell(house: House, stripe: Counterpart, api: httpx.AsyncClient) -> str:
    """A plan of theirs, bound to one of ours."""
    made = await stripe.make("plans", amount="999", currency="usd", interval="month", **{"product[name]": "Cooking"})
    tokens = await house.signing_in.open_session(await account(house, "admin"))
    body = {
        "name": "Cooking",
        "price": {"amount": 999, "currency": "USD"},
        "interval": "month",
        "features": ["hd"],
        "stripe_price_id": made["id"],
    }
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    answer = await api.post("/v1/admin/plans", json=body, headers=headers)
    assert answer.is_success, answer.text
    return str(made["id"])
