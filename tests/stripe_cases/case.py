"""A case as its file tells it, with ids of its own for each run, and the orders in which its deliveries may come."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import permutations
from math import factorial
from pathlib import Path
from random import Random
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "cases"
ORDERS = 24
"""So many orders of one case are tried; all of them where STREAMLY_ALL_ORDERS is set, as `make soak` does."""
ALL_ORDERS = "STREAMLY_ALL_ORDERS"

# Prices and products stay: they are what the one shop of all runs sells.
UNIX_SECONDS = re.compile(r"\b1[78][0-9]{8}\b")
THIN_TIME = re.compile(r'"(20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)"')
OWN_IDS = re.compile(r'"((?:cus|sub|si|in|il|inpay|pi|ch|re|dp|cs|evt)_[A-Za-z0-9_]+)"')


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way to us; Unix seconds of business time."""

    at: int
    event: str
    parallel_group: int | None = None
    signature: str = "good"
    expect_http: int = 200
    fault: str | None = None
    fetch_at: int | None = None
    commit_at: int | None = None


class Check(msgspec.Struct, frozen=True):
    """Whether somebody may watch what needs a feature, at a moment, and why."""

    at: int
    user: str
    feature: str
    access: bool
    why: str


class Moment(msgspec.Struct, frozen=True):
    """What Stripe's API answers from then on."""

    at: int
    objects: Mapping[str, dict[str, Any]]


class Sold(msgspec.Struct, frozen=True):
    product: str
    features: tuple[str, ...]


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. What is not known here is refused: a case that asks for more must not pass for less."""

    id: str
    title: str
    category: tuple[str, ...]
    bug: str
    sources: tuple[str, ...]
    api_version: str
    policy: Mapping[str, Any]
    catalog: Mapping[str, Sold]
    bindings: Mapping[str, str]
    """A Stripe customer, and whose it is."""
    events: tuple[dict[str, Any], ...]
    deliveries: tuple[Delivery, ...]
    permute_deliveries: bool
    stripe_truth: tuple[Moment, ...]
    checks: tuple[Check, ...]
    ledger_expect: dict[str, Any]
    notes: str
    reconcile_at: tuple[int, ...] = ()
    bind_at: int | None = None

    @property
    def users(self) -> list[str]:
        return sorted({*self.bindings.values(), *(check.user for check in self.checks)})

    @property
    def begins_at(self) -> int:
        """Before anything of it happened."""
        times = [delivery.at for delivery in self.deliveries] + [moment.at for moment in self.stripe_truth]
        return min(times) - 86_400

    def event(self, id: str) -> dict[str, Any]:
        return next(event for event in self.events if event["id"] == id)


def numbers() -> list[str]:
    """Which cases there are, by the numbers of their files; 080 is another provider's."""
    return sorted(path.name[:3] for path in FOLDER.glob("*.json") if not path.name.startswith("080"))


def told(number: str, *, run: str, later: int = 0, ours: Mapping[str, str] | None = None) -> Case:
    """A case under ids that no other run has, `later` by so many seconds than the file says.

    `ours` are the account ids of its users, where Stripe was told them.
    """
    [path] = FOLDER.glob(f"{number}_*.json")
    text = OWN_IDS.sub(rf'"\1_{run}"', path.read_text("utf-8"))
    for user, account_id in (ours or {}).items():
        text = text.replace(f'"client_reference_id": "{user}"', f'"client_reference_id": "{account_id}"')
    text = UNIX_SECONDS.sub(lambda found: str(int(found[0]) + later), text)
    text = THIN_TIME.sub(lambda found: _thin_time(datetime.fromisoformat(found[1]) + timedelta(seconds=later)), text)
    return msgspec.convert(json.loads(text), Case)


def _thin_time(moment: datetime) -> str:
    return f'"{moment:%Y-%m-%dT%H:%M:%S.000Z}"'


def orders(case: Case, *, seed: int = 1) -> Iterator[tuple[Delivery, ...]]:
    """The orders in which the deliveries may come; when is said by the places, never before Stripe made the event."""
    if not case.permute_deliveries:
        yield case.deliveries
        return
    seen = set()
    for order in _chosen(case.deliveries, seed):
        retimed = tuple(_retimed(case, order))
        if retimed not in seen:
            seen.add(retimed)
            yield retimed


def _chosen(deliveries: Sequence[Delivery], seed: int) -> Iterator[tuple[Delivery, ...]]:
    if factorial(len(deliveries)) <= ORDERS or os.environ.get(ALL_ORDERS):
        yield from permutations(deliveries)
        return
    dice = Random(seed)  # noqa: S311 - a choice that can be repeated
    yield tuple(deliveries)
    for _ in range(ORDERS - 1):
        yield tuple(dice.sample(deliveries, len(deliveries)))


def _retimed(case: Case, order: Sequence[Delivery]) -> Iterator[Delivery]:
    earliest = 0
    for place, delivery in zip(sorted(each.at for each in case.deliveries), order, strict=True):
        earliest = max(earliest, place, case.event(delivery.event)["created"])
        yield msgspec.structs.replace(delivery, at=earliest)
