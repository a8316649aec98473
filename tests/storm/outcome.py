"""What a storm has come to, without what depends on the order in which it came.

Of that is only: positions, when something was heard of, by which webhook; the names and terms of a subscription
that has ended, which stay as they were when it was last heard of alive; and which of several items was known first.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from application.ports.ledger import HistoryFilter, Recorded
from domain.payment.payment import Payment
from domain.shared.fact import AccountFact
from domain.subscription.facts import SubscriptionFact
from domain.subscription.subscription import Subscription
from tests.lives.town import Town

ROWS_MAX = 100_000
LEVEL_SECONDS = 60.0
ONCE = ("account.customer_bound", "subscription.started", "subscription.ended", "payment.succeeded", "payment.refunded")
"""Facts of what is so for good: there are as many of them, whatever came when."""
HEARD = {"first_position", "facts", "owed_since", "position"}
OF_THE_ENDED = {
    "id",
    "subscription_id",
    "account_id",
    "provider",
    "provider_reference",
    "started_at",
    "ended_at",
    "final_status",
}

Outcome = Mapping[str, Any]


async def outcome_of(town: Town) -> Outcome:
    """Read models, states and facts, by account; equal after every order of the same deliveries."""
    house = town.house
    head = await house.records.ledger.head()
    assert await house.sweeping.positions.wait_for(head, timeout_seconds=LEVEL_SECONDS)
    subscribed = await house.subscriptions.listing.page(account_id=None, before=None, limit=ROWS_MAX)
    billed = await house.payments.page(before=None, limit=ROWS_MAX)
    facts = await _facts(town)
    accounts = sorted({fact.account_id for fact in facts if isinstance(fact, AccountFact)})
    return {
        "access": {str(each): await _access(town, each) for each in accounts},
        "subscriptions": {str(row.subscription_id): _plain(asdict(row)) for row in subscribed},
        "payments": {str(row.payment_id): _plain(asdict(row)) for row in billed},
        "states": _states(facts),
        "facts": _counted(facts),
    }


def differences(one: object, other: object, place: str = "") -> Iterator[str]:
    """Where two outcomes are not the same, value by value."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted(one.keys() | other.keys()):
            yield from differences(one.get(name), other.get(name), f"{place}/{name}")
    elif one != other:
        yield f"{place}: {one} and {other}"


async def _facts(town: Town) -> list[Any]:
    entries = [entry async for entry in town.house.audit.history.entries(HistoryFilter())]
    assert all(isinstance(entry, Recorded) for entry in entries)
    return [entry.fact for entry in entries if isinstance(entry, Recorded)]


async def _access(town: Town, account_id: UUID) -> Any:
    standing = await town.house.playback.access.standing(account_id)
    return _plain(standing)


def _plain(thing: object) -> Any:
    """As JSON would have it, less what is of the order."""
    return _timeless(msgspec.to_builtins(thing, str_keys=True))


def _timeless(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_timeless(each) for each in value]
    if not isinstance(value, dict):
        return value
    ended = value.get("ended_at") is not None
    return {
        name: _timeless(each)
        for name, each in value.items()
        if name not in HEARD and (not ended or name in OF_THE_ENDED)
    }


def _states(facts: list[Any]) -> dict[str, Any]:
    """What the facts fold to: each subscription, each payment."""
    states: dict[str, Any] = {}
    for fact in facts:
        if isinstance(fact, SubscriptionFact):
            key = str(fact.subscription_id)
            states[key] = Subscription.evolve(states.get(key), fact)  # type: ignore[arg-type]  # of its own facts
        elif fact.tag().startswith("payment."):
            key = str(fact.payment_id)
            states[key] = Payment.evolve(states.get(key), fact)
    return {key: _plain(state) for key, state in states.items()}


def _counted(facts: list[Any]) -> dict[str, int]:
    """How often each fact of which there is one was recorded, and of what."""
    counted: dict[str, int] = {}
    for fact in facts:
        if fact.tag() in ONCE:
            of = getattr(fact, "refund_reference", None) or getattr(fact, "provider_reference", None)
            key = f"{fact.tag()} {of or getattr(fact, 'subscription_id', None) or fact.account_id}"
            counted[key] = counted.get(key, 0) + 1
    return counted
