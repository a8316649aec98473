"""A trial is had once by whoever can be reached at an address, under whatever account."""

from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from application.trials import mailbox
from domain.shared.fact import Fact
from domain.subscription.checkout import CheckoutRequested
from tests.application.house import COOKING, House

pytestmark = pytest.mark.anyio


def trials(facts: Sequence[Fact]) -> Iterator[int]:
    """How many days were given, checkout by checkout."""
    return (fact.trial_days for fact in facts if isinstance(fact, CheckoutRequested))


@pytest.mark.parametrize("again", ["anna+2@example.com", "ANNA+trial+3@example.com"])
async def test_a_second_account_of_one_mailbox_has_none(house: House, again: str) -> None:
    plan = await house.sells(replace(COOKING, trial_days=14))
    for email in ("anna@example.com", again):
        await house.opens_checkout(await house.registers(email), plan)

    assert list(trials(await house.facts())) == [14, 0]


async def test_who_has_not_had_it_yet_may_still(house: House) -> None:
    """She has opened a page and not paid; then she asks for another plan."""
    anna = await house.registers()
    for days in (14, 7):
        await house.opens_checkout(anna, await house.sells(replace(COOKING, trial_days=days, price_id=None)))

    assert list(trials(await house.facts())) == [14, 7]


async def test_somebody_elses_mailbox_is_somebody_elses(house: House) -> None:
    plan = await house.sells(replace(COOKING, trial_days=14))
    for email in ("anna@example.com", "an.na@example.com", "anna@example.org"):
        await house.opens_checkout(await house.registers(email), plan)

    assert list(trials(await house.facts())) == [14, 14, 14]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("anna@example.com", "anna@example.com"),
        ("anna+tag@example.com", "anna@example.com"),
        ("a.n.n.a+tag@gmail.com", "anna@gmail.com"),
        ("anna@googlemail.com", "anna@gmail.com"),
        ("an.na@example.com", "an.na@example.com"),
        ("+tag@example.com", "+tag@example.com"),
    ],
)
def test_what_is_one_mailbox(address: str, expected: str) -> None:
    assert mailbox(address) == expected
