"""What the list of accounts keeps to: run against PostgreSQL and in memory."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from application.ports.ledger import Insert, RowMoved, RowTaken, Write
from application.projections.accounts import Member
from domain.account.account import (
    AccountDisabled,
    AccountEnabled,
    AccountRegistered,
    AccountRegisteredByPhone,
    Role,
    RoleChanged,
)
from domain.shared.fact import Fact
from tests.contracts.operations import Operations, operations_in
from tests.people import ADMIN, ANNA, BORIS

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "postgres"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "database") as operations:
        yield operations


async def recorded(house: Operations, account_id: UUID, *facts: Fact) -> int:
    version = len(await house.ledger.read(account_id))
    position = await house.ledger.append(Write(account_id, version, facts))
    house.follow()
    return position


def registered(account_id: UUID, role: Role) -> AccountRegistered:
    return AccountRegistered(fact_id=uuid4(), account_id=account_id, email="anna@example.com", name="Anna", role=role)


async def three(house: Operations) -> tuple[Member, Member, Member]:
    """Anna, Boris who came by phone, and an admin."""
    anna = registered(ANNA, "viewer")
    boris = AccountRegisteredByPhone(fact_id=uuid4(), account_id=BORIS, phone="+48600100200", role="viewer")
    admin = registered(ADMIN, "admin")
    return (
        Member(ANNA, "viewer", await recorded(house, ANNA, anna)),
        Member(BORIS, "viewer", await recorded(house, BORIS, boris)),
        Member(ADMIN, "admin", await recorded(house, ADMIN, admin)),
    )


async def test_the_newest_first_in_pages(house: Operations) -> None:
    anna, boris, admin = await three(house)

    assert await house.accounts.page(before=None, limit=2) == [admin, boris]
    assert await house.accounts.page(before=boris.registered_position, limit=2) == [anna]
    assert await house.accounts.page(before=anna.registered_position, limit=2) == []


async def test_by_role_without_those_who_are_disabled(house: Operations) -> None:
    _, boris, admin = await three(house)
    changed = RoleChanged(fact_id=uuid4(), account_id=ANNA, before="viewer", after="admin")
    await recorded(house, ANNA, changed)
    await recorded(house, BORIS, AccountDisabled(fact_id=uuid4(), account_id=BORIS, reason="fraud"))

    assert [one.account_id for one in await house.accounts.in_role("admin", limit=5)] == [ANNA, ADMIN]
    assert [one.account_id for one in await house.accounts.in_role("admin", limit=1)] == [ANNA]
    assert await house.accounts.in_role("viewer", limit=5) == []

    await recorded(house, BORIS, AccountEnabled(fact_id=uuid4(), account_id=BORIS, reason="cleared"))
    assert await house.accounts.in_role("viewer", limit=5) == [boris]
    assert await house.accounts.page(before=None, limit=1) == [admin]


async def test_who_holds_an_address(house: Operations) -> None:
    claim = {"kind": "phone", "blind_index": b"boris", "owner": BORIS}
    await house.ledger.append(rows=[Insert("claims", claim)])

    assert await house.accounts.holder("phone", b"boris") == BORIS
    assert await house.accounts.holder("email", b"boris") is None
    assert await house.accounts.holder("phone", b"nobody") is None


async def test_the_turn_is_one_at_a_time(house: Operations) -> None:
    assert await house.accounts.admins_turn() is None

    await house.ledger.append(rows=[house.accounts.take_admins_turn(ANNA, after=None)])
    with pytest.raises(RowTaken):
        await house.ledger.append(rows=[house.accounts.take_admins_turn(BORIS, after=None)])
    await house.ledger.append(rows=[house.accounts.take_admins_turn(BORIS, after=ANNA)])
    with pytest.raises(RowMoved):
        await house.ledger.append(rows=[house.accounts.take_admins_turn(ADMIN, after=ANNA)])

    assert await house.accounts.admins_turn() == BORIS
