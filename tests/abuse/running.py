"""What a test has of the running service, and people who come from addresses of their own."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

import httpx

from tests.abuse.installation import Installation, is_ready
from tests.cli.running import command_on, said

PASSWORD = "a lighthouse in the fog"
ROUNDS = int(os.environ.get("STREAMLY_ABUSE_ROUNDS", "1"))
"""How often a race is run."""

PATIENCE_SECONDS = 40.0
LOOK_SECONDS = 0.02
TOKEN_SECONDS = 600.0
"""So long an admin's access token is used."""
STRIPE = {"Authorization": "Bearer sk_test_x"}

UNSETTLED = """
    SELECT (SELECT count(*) FROM ops.inbox WHERE status = 'received' AND attempts = 0)
        + (SELECT count(*) FROM ops.customer_fences WHERE leased_until > now())
"""
_NUMBERS = count(1)

T = TypeVar("T")


def new_number() -> int:
    """Another one each time, for the names of people and things."""
    return next(_NUMBERS)


def new_peer() -> str:
    """An address of this machine from which nobody has come yet: Linux has all of 127.0.0.0/8."""
    number = new_number()
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def client_from(peer: str, address: str, **headers: str) -> httpx.AsyncClient:
    """A client whose connections come from this address of the machine."""
    transport = httpx.AsyncHTTPTransport(local_address=peer, verify=False)
    return httpx.AsyncClient(base_url=address, transport=transport, timeout=PATIENCE_SECONDS, headers=headers)


@dataclass(kw_only=True)
class Person:
    """Somebody who is signed in, at an address of their own."""

    id: str
    email: str
    peer: str
    access_token: str
    refresh_token: str
    http: httpx.AsyncClient


@dataclass(kw_only=True)
class Service:
    """What a test has of the installation; the clients are closed when it is over. `public` is a stranger's."""

    at: Installation
    public: httpx.AsyncClient
    _open: AsyncExitStack

    async def stranger(self) -> httpx.AsyncClient:
        """Somebody who is not signed in, at an address from which nobody has come."""
        return await self._open.enter_async_context(client_from(new_peer(), self.at.address))

    async def sign_up(self, email: str | None = None, *, password: str = PASSWORD) -> Person:
        email, peer = email or f"person{new_number()}@example.com", new_peer()
        http = await self._open.enter_async_context(client_from(peer, self.at.address))
        answer = await http.post("/v1/auth/register", json={"email": email, "password": password, "name": "Anna"})
        assert answer.status_code == 201, answer.text
        return _signed_in(answer.json()["account"]["id"], email, peer, answer.json(), http)

    async def sign_in(self, email: str, *, password: str = PASSWORD) -> Person:
        """From a new address."""
        peer = new_peer()
        http = await self._open.enter_async_context(client_from(peer, self.at.address))
        answer = await http.post("/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        person = _signed_in("", email, peer, answer.json(), http)
        person.id = (await http.get("/v1/me")).json()["id"]
        return person

    async def admin(self) -> httpx.AsyncClient:
        """The admin whom the operator has made by command."""
        email = await self.once("admin", self._made_by_command)
        return await self._in_role(email)

    async def auditor(self) -> httpx.AsyncClient:
        return await self._in_role(await self.once("auditor", lambda: self._promoted("auditor")))

    async def support(self) -> httpx.AsyncClient:
        return await self._in_role(await self.once("support", lambda: self._promoted("support")))

    async def _made_by_command(self) -> str:
        streamly = command_on(self.at.dsn, self.at.folder)
        command = ("accounts", "create-admin", "admin@example.com", "--password-stdin", "--json")
        made = await asyncio.to_thread(lambda: said(streamly(*command, stdin=f"{PASSWORD}\n")))
        return str(made["email"])

    async def _promoted(self, role: str) -> str:
        person = await self.sign_up(f"{role}@example.com")
        given = await (await self.admin()).put(f"/v1/admin/accounts/{person.id}/role", json={"role": role})
        assert given.status_code == 200, given.text
        return person.email

    async def _in_role(self, email: str) -> httpx.AsyncClient:
        """Signed in anew only every ten minutes."""
        token, since = self.at.known.get(f"token of {email}", ("", -TOKEN_SECONDS))
        if time.monotonic() - since >= TOKEN_SECONDS:
            token = (await self.sign_in(email)).access_token
            self.at.known[f"token of {email}"] = token, time.monotonic()
        client = client_from(new_peer(), self.at.address, Authorization=f"Bearer {token}")
        return await self._open.enter_async_context(client)

    async def once(self, what: str, make: Callable[[], Awaitable[T]]) -> T:
        """What is made by the first who asks for it, and then shared."""
        if what not in self.at.known:
            self.at.known[what] = await make()
        made: T = self.at.known[what]
        return made

    async def told(self, account_id: str) -> list[str]:
        """The kinds of facts about somebody, oldest first."""
        path = f"/v1/audit/accounts/{account_id}/timeline"
        answer = await (await self.admin()).get(path, params={"limit": 100})
        assert answer.status_code == 200, answer.text
        return [item["type"] for item in answer.json()["items"]]

    def kept(self, event_id: str) -> int:
        """How many deliveries of a webhook are kept."""
        return self._number("SELECT count(*) FROM ops.inbox WHERE event_id = %s", event_id)

    def head(self) -> int:
        """The position of the newest fact."""
        return self._number("SELECT coalesce(max(notification_id), 0) FROM ledger.events")

    def _number(self, query: str, *given: object) -> int:
        row = self.at.database.execute(query.encode(), given).fetchone()
        assert row is not None, "a count is one row"
        return int(row[0])

    async def settled(self) -> None:
        """Until all that Stripe has sent has been looked at."""

        async def nothing_waits() -> bool:
            pending = (await self.public.get(f"{self.at.stripe}/_sandbox/pending")).json()["pending"]
            return not pending and not self._number(UNSETTLED)

        await until(nothing_waits)

    async def move_clock(self, to: datetime) -> None:
        """Business time, through all that falls due; it never goes back."""
        moved = await self.public.post("/v1/sandbox/clock", json={"now": to.isoformat().replace("+00:00", "Z")})
        assert moved.status_code == 200, moved.text
        self.at.ahead = to - datetime.now(UTC)

    async def kill_api(self) -> None:
        """`kill -9` of all API processes; whoever started them starts them again."""
        killed = self.at.api_pids()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

        async def are_back() -> bool:
            pids = self.at.api_pids()
            return len(pids) == len(killed) and not set(pids) & set(killed) and await asyncio.to_thread(self._answers)

        await until(are_back)

    def _answers(self) -> bool:
        return is_ready(self.at.address)


def _signed_in(account_id: str, email: str, peer: str, tokens: Any, http: httpx.AsyncClient) -> Person:
    http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return Person(
        id=account_id,
        email=email,
        peer=peer,
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        http=http,
    )


@asynccontextmanager
async def visiting(installation: Installation) -> AsyncIterator[Service]:
    async with AsyncExitStack() as stack:
        public = await stack.enter_async_context(client_from(new_peer(), installation.address))
        yield Service(at=installation, public=public, _open=stack)


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(LOOK_SECONDS)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
