"""The read models of money, on real tables: followed in any batches they are what a rebuild makes of the same facts."""

import random
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application.projections.graces import graces
from application.projections.payments import payments
from domain.payment.dunning import NoticeFellDue
from domain.payment.payment import DisputeChanged, PaymentFailed, PaymentRefunded, PaymentSucceeded, RefundFailed
from domain.shared.fact import Fact
from domain.shared.money import Money
from domain.subscription.facts import GraceStarted, StatusChanged, SubscriptionEnded
from tests.adapters.eventstore.house import LedgerHouse, ledger_house
from tests.adapters.eventstore.test_read_models import record, rows
from tests.people import ANNA, BORIS, MONDAY, days

pytestmark = pytest.mark.anyio


def facts_of_money(seed: int, count: int) -> list[tuple[UUID, Fact]]:
    """(stream, fact) of a few payments and subscriptions, in any order at all."""
    dice = random.Random(seed)  # noqa: S311 - a story, not a secret
    return [_payment(dice) if dice.random() < 0.6 else _subscription(dice) for _ in range(count)]


def _payment(dice: random.Random) -> tuple[UUID, Fact]:
    payment_id, amount = UUID(int=dice.randrange(1, 9)), dice.randrange(1, 999)
    about: dict[str, Any] = {
        "fact_id": UUID(int=dice.getrandbits(128), version=4),
        "account_id": (ANNA, BORIS)[payment_id.int % 2],
        "payment_id": payment_id,
        "provider": "stripe",
        "provider_reference": f"in_{payment_id.int}",
        "subscription_reference": dice.choice([None, "sub_1"]),
        "amount": Money(amount, "USD"),
    }
    back = {"refund_reference": dice.choice(["re_1", "re_2"]), "kept": Money(999 - amount, "USD")}
    stage = dice.choice(["inquiry", "open", "won", "lost"])
    disputed = {"dispute_reference": "dp_1", "before": None, "after": stage, "reason": "", "opened_at": MONDAY}
    choices: list[tuple[type[Fact], dict[str, Any]]] = [
        (PaymentSucceeded, {"paid_at": _moment(dice), "receipt_url": dice.choice([None, "https://pay.example"])}),
        (PaymentFailed, {"attempt": 1, "next_attempt_at": None}),
        (PaymentRefunded, back),
        (RefundFailed, back),
        (DisputeChanged, disputed),
    ]
    kind, more = dice.choice(choices)
    return payment_id, kind(**about, **more)


def _subscription(dice: random.Random) -> tuple[UUID, Fact]:
    subscription_id, since = UUID(int=dice.randrange(101, 105)), _moment(dice)
    fact_id = UUID(int=dice.getrandbits(128), version=4)
    about: dict[str, Any] = {"fact_id": fact_id, "account_id": ANNA, "subscription_id": subscription_id}
    noticed = {"notice_id": fact_id, "invoice": None, "attempt": None, "failing_since": since, "about": None}
    choices: list[tuple[type[Fact], dict[str, Any]]] = [
        (GraceStarted, {"since": since, "until": since + days(7)}),
        (GraceStarted, {"since": since, "until": since + days(0.5)}),
        (StatusChanged, {"before": "past_due", "after": "active", "changed_at": since}),
        (SubscriptionEnded, {"before": "past_due", "status": "canceled", "ended_at": since}),
        (NoticeFellDue, {"kind": dice.choice(["grace_ending", "access_ended"]), **noticed}),
        (NoticeFellDue, {"kind": "payment_failed", **noticed, "attempt": 1, "failing_since": None}),
    ]
    kind, more = dice.choice(choices)
    stream = fact_id if kind is NoticeFellDue else subscription_id
    return stream, kind(**about, **more)


def _moment(dice: random.Random) -> datetime:
    return MONDAY + days(dice.randrange(4))


def advance(house: LedgerHouse, batch: int) -> None:
    with psycopg.connect(house.dsn, autocommit=True) as connection:
        for projection in (graces, payments):
            while house.read_models.advance(connection, projection, limit=batch):
                pass


@pytest.mark.parametrize("batch", [1, 7, 1_000])
async def test_followed_in_any_batches_they_are_what_a_rebuild_makes(database: str, batch: int) -> None:
    async with ledger_house(database) as house:
        for seed in (1, 2):
            await record(house, facts_of_money(seed, 120))
            advance(house, batch)
        tables = ("graces.graces", "payments.payments")
        followed = {table: rows(database, table) for table in tables}

        for name in ("graces", "payments"):
            assert house.read_models.verify(name).differences == ()
            house.read_models.rebuild(name)

        assert {table: rows(database, table) for table in tables} == followed
        assert {table: len(found) for table, found in followed.items()} == {"graces.graces": 4, "payments.payments": 8}
