"""Recall, decide, append: decided again when the stream moved, and given up after three more tries."""

from collections.abc import Callable, Sequence

import pytest

from application.errors import NotFound
from application.ports.ledger import StreamMoved
from application.recall import ATTEMPTS, Recalled, Records, again_when_moved
from domain.account.account import Account, AccountEvent
from domain.account.customers import CUSTOMERS_MAX, TooManyCustomers
from tests.application.house import BY_ADMIN, House
from tests.application.interruptions import InterruptedLedger, Interruption
from tests.people import ANNA

pytestmark = pytest.mark.anyio


async def test_a_fact_says_who_asked_and_by_what_and_has_an_id_of_its_own(house: House) -> None:
    anna = await house.registers()

    decided = await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.disable(reason="asked to"))

    (fact,) = decided.facts
    assert (fact.actor, fact.cause) == (BY_ADMIN.actor, BY_ADMIN.cause)
    ids = [known.fact_id for known in await house.facts()]
    assert len(set(ids)) == len(ids)
    assert fact.fact_id in ids


async def test_a_decision_for_nothing_records_nothing_and_says_where_the_ledger_stands(house: House) -> None:
    anna = await house.registers()

    decided = await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.enable(reason="asked to"))

    assert (decided.position, decided.facts) == (1, ())
    assert await house.ledger.head() == 1


async def test_what_is_not_there_is_not_decided_on(house: House) -> None:
    with pytest.raises(NotFound):
        await house.records.decide(Account, ANNA, BY_ADMIN, lambda account: account.disable(reason="asked to"))


async def test_decided_again_it_is_on_what_the_other_wrote(house: House) -> None:
    anna = await house.registers()
    seen: list[bool] = []

    def disable(account: Account) -> list[AccountEvent]:
        seen.append(account.disabled)
        return account.disable(reason="asked to")

    async def another_admin_is_quicker() -> None:
        await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.disable(reason="quicker"))

    decided = await interrupted(house, another_admin_is_quicker).decide(Account, anna, BY_ADMIN, disable)

    assert seen == [False, True]
    assert decided.facts == ()
    assert await house.tags() == ["account.registered", "account.disabled"]


async def test_a_refusal_on_the_second_look_is_the_answer(house: House) -> None:
    anna = await house.registers()

    def bind(customer_id: str) -> Callable[[Account], Sequence[AccountEvent]]:
        return lambda account: account.bind_customer(provider="stripe", customer_id=customer_id)

    async def others_are_quicker() -> None:
        for number in range(CUSTOMERS_MAX):
            await house.records.decide(Account, anna, BY_ADMIN, bind(f"cus_{number}"))

    with pytest.raises(TooManyCustomers):
        await interrupted(house, others_are_quicker).decide(Account, anna, BY_ADMIN, bind("cus_too_late"))


async def test_after_four_tries_it_gives_up() -> None:
    tries = 0

    async def always_beaten() -> None:
        nonlocal tries
        tries += 1
        raise StreamMoved

    with pytest.raises(StreamMoved):
        await again_when_moved(always_beaten)
    assert tries == ATTEMPTS == 4


async def test_what_must_exist_is_not_found_otherwise() -> None:
    with pytest.raises(NotFound):
        Recalled[Account](ANNA, None, 0).existing()


def interrupted(house: House, interruption: Interruption) -> Records:
    return Records(InterruptedLedger(house.ledger, interruption), house.identifiers)
