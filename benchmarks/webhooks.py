"""Signed webhooks of Stripe's, and whoever sends them: over real connections, the next when the last was answered."""

import asyncio
import hmac
import re
import time
from hashlib import sha256
from itertools import count
from typing import cast
from uuid import uuid4

import msgspec

from adapters.sandbox.stripe.shapes import catalog, events, public, subscriptions
from benchmarks.contest import P50, P99, Sample, percentile

SECRET = "whsec_of_the_benchmarks_0123456789"  # noqa: S105 - it guards nothing
CUSTOMERS = 1_000
BORN = 1_790_000_000
MONTH_SECONDS = 30 * 86_400
PATIENCE_SECONDS = 30.0

RATE = "webhooks_per_second"
ANSWERED = b"HTTP/1.1 200 "
LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)


def customer_id(number: int) -> str:
    return f"cus_bench{number:09}"


def subscription_id(number: int) -> str:
    return f"sub_1Qbench{number:016}"


def event(id: str, number: int) -> bytes:
    """That a customer's subscription was renewed: a `customer.subscription.updated` as the simulator shapes it."""
    price = catalog.price(
        "price_1QbenchCooking",
        at=BORN,
        product="prod_benchCooking",
        currency="usd",
        unit_amount=999,
        cycle=("month", 1),
        metadata={},
    )
    subscription, renewed = subscription_id(number), BORN + MONTH_SECONDS
    item = subscriptions.item(
        "si_bench", at=renewed, subscription=subscription, price=price, quantity=1, period_end=renewed + MONTH_SECONDS
    )
    told = subscriptions.subscription(
        subscription, at=BORN, customer=customer_id(number), currency="usd", items=[item]
    ) | {"status": "active", "latest_invoice": "in_1QbenchLatestInvoice"}
    made = events.event(
        id,
        at=renewed,
        type="customer.subscription.updated",
        obj=public(told),
        previous={"latest_invoice": "in_1QbenchFormerInvoice"},
        request=(None, None),
    )
    return msgspec.json.encode(made)


class Requests:
    """Each with an event of its own, of the customers in turn; made as they are sent, which takes some 10 us."""

    def __init__(self, path: str) -> None:
        bodies = [event("evt_ID", number).partition(b"evt_ID") for number in range(CUSTOMERS)]
        self._ends = [(begin, end) for begin, _, end in bodies]
        self._head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: Stripe/1.0\r\naccept: */*\r\n".encode()
        self._run = uuid4().hex[:12].encode()
        self._numbers = count(1)

    def next(self) -> bytes:
        number = next(self._numbers)
        begin, end = self._ends[number % CUSTOMERS]
        body = b"%bevt_%b%012d%b" % (begin, self._run, number, end)
        signed_at = b"%d" % int(time.time())
        signature = hmac.digest(SECRET.encode(), signed_at + b"." + body, sha256).hex().encode()
        return (
            b"%bcontent-type: application/json; charset=utf-8\r\nstripe-signature: t=%b,v1=%b\r\ncontent-length: %d"
            b"\r\n\r\n%b" % (self._head, signed_at, signature, len(body), body)
        )


class Sender:
    """So many connections, each with one request under way, for so many seconds."""

    def __init__(self, port: int, path: str, *, connections: int, seconds: float) -> None:
        self.acknowledged = 0
        self._port = port
        self._requests = Requests(path)
        self._connections = connections
        self._seconds = seconds

    async def measure(self) -> Sample:
        """Raises ConnectionError when one is refused or broken off; an answer other than 200 ends the run."""
        latencies_ms: list[float] = []
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        deadline = started + self._seconds
        lines = [Line(self._requests, deadline, latencies_ms) for _ in range(self._connections)]
        for line in lines:
            await loop.create_connection(lambda line=line: line, "127.0.0.1", self._port)  # type: ignore[misc]
        async with asyncio.timeout(self._seconds + PATIENCE_SECONDS):
            await asyncio.gather(*(line.done for line in lines))
        elapsed = time.perf_counter() - started
        self.acknowledged += len(latencies_ms)
        return {
            RATE: len(latencies_ms) / elapsed,
            P50: percentile(latencies_ms, 0.5),
            P99: percentile(latencies_ms, 0.99),
        }


class Line(asyncio.Protocol):
    """One connection; `done` when the time is over and the last answer is there."""

    def __init__(self, requests: Requests, deadline: float, latencies_ms: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._deadline = deadline
        self._latencies_ms = latencies_ms
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one too, and does not say so.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        request = self._requests.next()
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_whole():
            return
        now = time.perf_counter()
        if not self._received.startswith(ANSWERED):
            self.done.set_exception(ConnectionError(self._received[:500].decode(errors="replace")))
            self._transport.close()
            return
        self._latencies_ms.append((now - self._sent_at) * 1_000)
        self._received = b""
        if now < self._deadline:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _is_whole(self) -> bool:
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return False
        length = LENGTH.search(self._received, 0, head + 2)
        return length is not None and len(self._received) >= head + 4 + int(length[1])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))
