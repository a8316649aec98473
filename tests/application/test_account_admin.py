"""Looking after accounts: who is found how, what is shown of them, and that one admin always stays."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from application.account_admin import Changed, LastAdmin
from application.errors import NotFound
from application.ports.ledger import GuardedRow, Write
from application.recall import Asked
from domain.account.account import Account
from domain.shared.fact import Actor, Cause
from tests.application.house import BY_ADMIN, House
from tests.people import ANNA, MONDAY, days

pytestmark = pytest.mark.anyio

BY_COMMAND = Asked(Actor("system", "cli"), Cause("command", "test"))


async def admins(house: House, count: int) -> list[UUID]:
    made = [await house.registers(f"admin{number}@example.com") for number in range(count)]
    for account_id in made:
        await house.account_admin.change_role(account_id, "admin", BY_COMMAND)
    return made


async def role_of(house: House, account_id: UUID) -> str:
    return (await house.records.recall(Account, account_id)).existing().role


async def test_the_newest_come_first_and_in_pages(house: House) -> None:
    made = [await house.registers(f"person{number}@example.com") for number in range(5)]

    first = await house.account_admin.page(before=None, limit=3)
    rest = await house.account_admin.page(before=first[-1][1], limit=3)

    assert [account.id for account, _ in [*first, *rest]] == made[::-1]
    assert first[0][0].email == "person4@example.com"


async def test_somebody_is_found_by_their_address_in_any_spelling(house: House) -> None:
    anna = await house.registers("anna@example.com")
    await house.registers("boris@example.com")

    found = await house.account_admin.claimed(email="Anna@Example.COM", phone=None)

    assert [account.id for account in found] == [anna]
    for email in ("nobody@example.com", "no address"):
        assert await house.account_admin.claimed(email=email, phone=None) == []
    assert await house.account_admin.claimed(email="anna@example.com", phone="+48600100200") == []


async def test_what_was_given_by_hand_is_told_as_long_as_it_is_in_force(house: House) -> None:
    anna = await house.registers()
    grant = await house.grants.grant(
        anna, until=MONDAY + days(7), features=("hd",), reason="the outage", asked=BY_ADMIN
    )
    await house.grants.grant(anna, until=MONDAY + days(1), features=(), reason="over soon", asked=BY_ADMIN)
    withdrawn = await house.grants.grant(anna, until=MONDAY + days(9), features=(), reason="no", asked=BY_ADMIN)
    await house.grants.withdraw(anna, withdrawn.id, asked=BY_ADMIN)
    block = await house.grants.block(anna, until=None, reason="chargebacks", asked=BY_ADMIN)
    await house.moves_to(MONDAY + days(2))

    found = await house.account_admin.in_full(anna)

    assert [(one.grant_id, one.features, one.reason) for one in found.grants] == [(grant.id, ("hd",), "the outage")]
    assert [(one.block_id, one.until) for one in found.blocks] == [(block.id, None)]


async def test_an_account_that_is_not_there_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        await house.account_admin.in_full(ANNA)
    with pytest.raises(NotFound):
        await house.account_admin.disable(ANNA, reason="none", asked=BY_ADMIN)


async def test_the_last_admin_stays_one(house: House) -> None:
    one, other = await admins(house, 2)
    await house.account_admin.change_role(one, "viewer", BY_ADMIN)

    with pytest.raises(LastAdmin):
        await house.account_admin.change_role(other, "support", BY_ADMIN)
    with pytest.raises(LastAdmin):
        await house.account_admin.disable(other, reason="by mistake", asked=BY_COMMAND)
    await house.account_admin.change_role(other, "admin", BY_ADMIN)

    assert await role_of(house, other) == "admin"


async def test_who_is_disabled_is_no_admin_who_would_be_left(house: House) -> None:
    one, other = await admins(house, 2)
    await house.account_admin.disable(one, reason="on leave", asked=BY_ADMIN)

    with pytest.raises(LastAdmin):
        await house.account_admin.change_role(other, "viewer", BY_ADMIN)
    await house.account_admin.enable(one, reason="back", asked=BY_ADMIN)
    await house.account_admin.change_role(other, "viewer", BY_ADMIN)


async def test_of_admins_who_end_each_other_one_is_left(house: House) -> None:
    three = await admins(house, 3)

    outcomes = await asyncio.gather(
        *(house.account_admin.change_role(each, "viewer", BY_ADMIN) for each in three), return_exceptions=True
    )

    assert sum(isinstance(outcome, Changed) for outcome in outcomes) == 2
    assert sum(isinstance(outcome, LastAdmin) for outcome in outcomes) == 1
    assert sorted([await role_of(house, each) for each in three]) == ["admin", "viewer", "viewer"]


async def test_a_list_that_is_behind_does_not_pass_for_an_admin(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It still names the one who has just ceased to be one."""
    one, other = await admins(house, 2)
    before = await house.account_admin.reads.in_role("admin", limit=10)
    await house.account_admin.change_role(one, "viewer", BY_ADMIN)

    async def behind(*_: object, **__: object) -> object:
        return before

    monkeypatch.setattr(house.account_admin.reads, "in_role", behind)
    with pytest.raises(LastAdmin):
        await house.account_admin.change_role(other, "viewer", BY_ADMIN)


async def test_who_is_demoted_in_the_very_moment_does_not_count_as_the_one_who_is_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await admins(house, 2)
    meanwhile, append = [one], house.ledger.append

    async def quicker(*writes: Write, rows: Sequence[GuardedRow] = ()) -> int:
        """Between the look at who would be left and the append, that one is demoted."""
        if meanwhile:
            await house.account_admin.change_role(meanwhile.pop(), "viewer", BY_ADMIN)
        return await append(*writes, rows=rows)

    monkeypatch.setattr(house.ledger, "append", quicker)
    with pytest.raises(LastAdmin):
        await house.account_admin.change_role(other, "viewer", BY_ADMIN)

    assert (await role_of(house, one), await role_of(house, other)) == ("viewer", "admin")
