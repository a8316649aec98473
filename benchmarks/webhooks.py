"""Signed webhooks of Stripe's, as they are sent."""

import hmac
import time
from hashlib import sha256
from itertools import count
from uuid import uuid4

import msgspec

from adapters.sandbox.stripe.shapes import catalog, events, public, subscriptions

SECRET = "whsec_of_the_benchmarks_0123456789"  # noqa: S105 - it guards nothing
CUSTOMERS = 1_000
BORN = 1_790_000_000
MONTH_SECONDS = 30 * 86_400

RATE = "webhooks_per_second"


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
