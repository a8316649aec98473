"""What signing in keeps to: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from application.ports.ledger import Delete, Insert, RowMoved, Write
from application.ports.sign_in import Credential, Holder, RefreshReused, Session, SignedInPlace
from domain.account.account import AccountDisabled, AccountEnabled, RoleChanged
from domain.account.sign_ins import PasswordChanged
from domain.shared.fact import Fact
from tests.contracts.members import registered
from tests.contracts.operations import Operations, operations_in
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

LATER = MONDAY + timedelta(minutes=20)
IN_A_MONTH = MONDAY + days(30)


@pytest.fixture(params=["memory", "postgres"], scope="module")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "module_database") as operations:
        yield operations


@pytest.fixture
async def anna(house: Operations) -> UUID:
    """Registered a moment ago."""
    return await registered(house.ledger)


@pytest.fixture
async def boris(house: Operations) -> UUID:
    """As she was."""
    return await registered(house.ledger)


def digest(token: str, account_id: UUID) -> bytes:
    """Everybody's first token is called `first`."""
    return sha256(f"{token} of {account_id}".encode()).digest()


async def signed_in(house: Operations, account_id: UUID, *, epoch: int = 0, token: str = "first") -> UUID:
    session = await opened(house, account_id, epoch=epoch, token=token)
    assert session is not None
    assert not session.disabled
    return session.session_id


async def opened(house: Operations, account_id: UUID, *, epoch: int = 0, token: str = "first") -> Session | None:
    return await house.sign_ins.open_session(
        session_id=uuid4(),
        account_id=account_id,
        epoch=epoch,
        refresh_digest=digest(token, account_id),
        now=MONDAY,
        expires_at=IN_A_MONTH,
    )


async def refreshed(house: Operations, account_id: UUID, spent: str, new: str) -> Session | None:
    return await house.sign_ins.rotate(
        spent=digest(spent, account_id),
        new=digest(new, account_id),
        now=LATER,
        expires_at=LATER + days(30),
        longest=days(90),
    )


def seen_as(session_id: UUID, account_id: UUID, *, disabled: bool = False, until: datetime = IN_A_MONTH) -> Session:
    return Session(
        session_id=session_id,
        account_id=account_id,
        role="viewer",
        disabled=disabled,
        started_at=MONDAY,
        expires_at=until,
    )


async def happened(house: Operations, account_id: UUID, fact: Fact) -> None:
    version = len(await house.ledger.read(account_id))
    await house.ledger.append(Write(account_id, version, [fact]))


async def test_the_credential_is_found_under_the_index_of_the_address(house: Operations, anna: UUID) -> None:
    assert await house.sign_ins.credential(anna.bytes) == Credential(anna, "hash of Anna's")
    assert await house.sign_ins.credential(b"somebody else") is None
    assert await house.sign_ins.credential(b"") is None


async def test_a_claim_of_another_kind_signs_nobody_in(house: Operations, anna: UUID) -> None:
    await house.ledger.append(
        rows=[Insert("claims", {"kind": "stripe_customer", "blind_index": b"cus" + anna.bytes, "owner": anna})]
    )

    assert await house.sign_ins.credential(b"cus" + anna.bytes) is None


async def test_anna_is_signed_in_until_her_session_is_over(house: Operations, anna: UUID) -> None:
    session_id = await signed_in(house, anna)

    expected = seen_as(session_id, anna)
    assert await house.sign_ins.session(session_id, now=LATER) == expected
    assert await house.sign_ins.session(session_id, now=IN_A_MONTH) is None
    assert await house.sign_ins.session(uuid4(), now=LATER) is None


async def test_a_new_role_holds_for_sessions_that_are_open(house: Operations, anna: UUID) -> None:
    session_id = await signed_in(house, anna)

    await happened(house, anna, RoleChanged(fact_id=uuid4(), account_id=anna, before="viewer", after="admin"))

    seen = await house.sign_ins.session(session_id, now=LATER)
    assert seen is not None
    assert seen.role == "admin"


async def test_a_disabled_account_is_signed_in_nowhere_also_once_it_is_enabled_again(
    house: Operations, anna: UUID
) -> None:
    session_id = await signed_in(house, anna)

    await happened(house, anna, AccountDisabled(fact_id=uuid4(), account_id=anna, reason="fraud"))
    refused = await opened(house, anna, epoch=1, token="meanwhile")
    await happened(house, anna, AccountEnabled(fact_id=uuid4(), account_id=anna, reason="a mistake"))

    assert refused is not None
    assert refused.disabled
    assert await house.sign_ins.session(refused.session_id, now=LATER) is None
    assert await places(house, anna) == []
    assert await house.sign_ins.session(session_id, now=LATER) is None
    assert await refreshed(house, anna, "first", "second") is None


async def test_a_new_password_ends_all_sessions_but_the_one_that_is_taken_along(house: Operations, anna: UUID) -> None:
    laptop, phone = await signed_in(house, anna), await signed_in(house, anna, token="of the phone")

    version = len(await house.ledger.read(anna))
    fact = PasswordChanged(fact_id=uuid4(), account_id=anna, how="change")
    await house.ledger.append(Write(anna, version, [fact]), rows=[house.sign_ins.kept(laptop, anna, epoch=1)])

    assert await house.sign_ins.session(laptop, now=LATER) == seen_as(laptop, anna)
    assert await house.sign_ins.session(phone, now=LATER) is None
    assert await refreshed(house, anna, "of the phone", "next") is None
    assert await refreshed(house, anna, "first", "second") is not None
    assert [place.session_id for place in await places(house, anna)] == [laptop]


async def test_nobody_takes_the_session_of_another_along(house: Operations, anna: UUID) -> None:
    session_id = await signed_in(house, anna)

    await house.ledger.append(rows=[house.sign_ins.kept(session_id, uuid4(), epoch=1)])

    assert await house.sign_ins.session(session_id, now=LATER) == seen_as(session_id, anna)


async def test_a_session_that_has_ended_is_not_taken_along(house: Operations, anna: UUID) -> None:
    session_id = await signed_in(house, anna)
    for _ in range(2):
        await happened(house, anna, PasswordChanged(fact_id=uuid4(), account_id=anna, how="change"))

    await house.ledger.append(rows=[house.sign_ins.kept(session_id, anna, epoch=2)])

    assert await house.sign_ins.session(session_id, now=LATER) is None


async def test_a_password_is_of_the_epoch_in_which_it_was_read(house: Operations, anna: UUID) -> None:
    await happened(house, anna, PasswordChanged(fact_id=uuid4(), account_id=anna, how="reset"))

    credential = Credential(anna, "hash of Anna's", 1)
    assert await house.sign_ins.credential(anna.bytes) == credential
    assert await house.sign_ins.credential_of(anna) == credential
    assert await house.sign_ins.credential_of(uuid4()) is None
    assert await opened(house, anna, epoch=0) is None


async def test_whose_an_address_is_the_claim_says(house: Operations, anna: UUID) -> None:
    assert await house.sign_ins.account_at("email", anna.bytes) == anna
    assert await house.sign_ins.account_at("phone", anna.bytes) is None


async def test_who_holds_a_number_is_told_with_the_epoch_of_that_moment(house: Operations, anna: UUID) -> None:
    assert await house.sign_ins.holder("email", anna.bytes) == Holder(anna, 0)
    await happened(house, anna, PasswordChanged(fact_id=uuid4(), account_id=anna, how="reset"))

    assert await house.sign_ins.holder("email", anna.bytes) == Holder(anna, 1)
    assert await house.sign_ins.holder("phone", anna.bytes) is None
    await happened(house, anna, AccountDisabled(fact_id=uuid4(), account_id=anna, reason="stolen"))
    assert await house.sign_ins.holder("email", anna.bytes) == Holder(anna, 2, disabled=True)


async def places(
    house: Operations, account_id: UUID, before: int | None = None, limit: int = 10
) -> list[SignedInPlace]:
    return list(await house.sign_ins.places(account_id, before=before, limit=limit, now=LATER))


async def test_where_she_is_signed_in_is_listed_newest_first(house: Operations, anna: UUID, boris: UUID) -> None:
    sessions = [await signed_in(house, anna, token=f"token {number}") for number in range(3)]
    await signed_in(house, boris)
    await refreshed(house, anna, "token 0", "next")

    listed = await places(house, anna)

    assert [place.session_id for place in listed] == sessions[::-1]
    assert [place.refreshed_at for place in listed] == [None, None, LATER]
    assert [place.expires_at for place in listed] == [IN_A_MONTH, IN_A_MONTH, LATER + days(30)]
    assert await places(house, anna, limit=2) == listed[:2]
    assert await places(house, anna, before=listed[1].number) == listed[2:]
    assert not await house.sign_ins.places(anna, before=None, limit=10, now=LATER + days(30))


async def test_she_ends_one_place_and_nobody_elses(house: Operations, anna: UUID) -> None:
    laptop, phone = await signed_in(house, anna), await signed_in(house, anna, token="of the phone")

    assert not await house.sign_ins.end_place(laptop, uuid4(), now=LATER)
    assert await house.sign_ins.end_place(laptop, anna, now=LATER)
    assert not await house.sign_ins.end_place(laptop, anna, now=LATER)

    assert await house.sign_ins.session(laptop, now=LATER) is None
    assert await refreshed(house, anna, "first", "second") is None
    assert [place.session_id for place in await places(house, anna)] == [phone]
    assert not await house.sign_ins.end_place(phone, anna, now=IN_A_MONTH)


async def test_a_session_lasts_ninety_days_however_often_it_is_refreshed(house: Operations, anna: UUID) -> None:
    await signed_in(house, anna)

    async def refreshed_on(day: int, spent: str, new: str) -> datetime | None:
        now = MONDAY + days(day)
        renewed = await house.sign_ins.rotate(
            spent=digest(spent, anna),
            new=digest(new, anna),
            now=now,
            expires_at=now + days(30),
            longest=days(90),
        )
        return renewed.expires_at if renewed else None

    assert await refreshed_on(29, "first", "second") == MONDAY + days(59)
    assert await refreshed_on(58, "second", "third") == MONDAY + days(88)
    assert await refreshed_on(87, "third", "fourth") == MONDAY + days(90)
    assert await refreshed_on(90, "fourth", "fifth") is None


async def test_of_two_appends_that_record_a_reuse_one_does(house: Operations, anna: UUID) -> None:
    session_id = await signed_in(house, anna)
    await refreshed(house, anna, "first", "second")
    with pytest.raises(RefreshReused) as reused:
        await refreshed(house, anna, "first", "third")
    assert (reused.value.session_id, reused.value.account_id, reused.value.recorded) == (session_id, anna, False)

    await house.ledger.append(rows=[house.sign_ins.reuse_recorded(session_id)])

    with pytest.raises(RowMoved):
        await house.ledger.append(rows=[house.sign_ins.reuse_recorded(session_id)])
    with pytest.raises(RefreshReused) as again:
        await refreshed(house, anna, "first", "fourth")
    assert again.value.recorded


async def test_whom_the_ledger_does_not_know_can_do_nothing(house: Operations) -> None:
    assert await opened(house, uuid4()) is None


async def test_an_erasure_that_has_removed_the_claims_finds_every_session(house: Operations, anna: UUID) -> None:
    await house.ledger.append(rows=[Delete("claims", {"owner": anna})])

    assert await opened(house, anna) is None
    assert await places(house, anna) == []


async def test_sessions_asked_for_at_one_moment_are_not_mixed_up(house: Operations, anna: UUID, boris: UUID) -> None:
    known = [await signed_in(house, anna), await signed_in(house, boris), await signed_in(house, anna, token="other")]
    asked = [*known, uuid4(), *reversed(known)]

    seen = await asyncio.gather(*(house.sign_ins.session(session_id, now=LATER) for session_id in asked))

    assert [session and session.session_id for session in seen] == [*known, None, *reversed(known)]
    assert [session.account_id for session in seen if session] == [anna, boris, anna, anna, boris, anna]


async def test_a_refresh_token_is_spent_for_the_next_and_the_session_lasts_longer(
    house: Operations, anna: UUID
) -> None:
    session_id = await signed_in(house, anna)

    renewed = await refreshed(house, anna, "first", "second")

    assert renewed == seen_as(session_id, anna, until=LATER + days(30))
    assert await house.sign_ins.session(session_id, now=IN_A_MONTH) == renewed
    assert await refreshed(house, anna, "second", "third") == renewed


async def test_a_token_spent_twice_ends_the_session_for_thief_and_owner_alike(house: Operations, anna: UUID) -> None:
    session_id = await signed_in(house, anna)
    await refreshed(house, anna, "first", "second")

    with pytest.raises(RefreshReused):
        await refreshed(house, anna, "first", "the thief's")

    assert await house.sign_ins.session(session_id, now=LATER) is None
    assert await refreshed(house, anna, "second", "third") is None
    assert await refreshed(house, anna, "the thief's", "another") is None
    with pytest.raises(RefreshReused):
        await refreshed(house, anna, "first", "the thief's second try")


async def test_of_ten_who_race_with_one_token_one_gets_the_next_and_the_session_ends(
    house: Operations, anna: UUID
) -> None:
    session_id = await signed_in(house, anna)

    outcomes = await asyncio.gather(
        *(refreshed(house, anna, "first", f"next {number}") for number in range(10)), return_exceptions=True
    )

    assert sum(isinstance(outcome, Session) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RefreshReused) for outcome in outcomes) == 9
    assert await house.sign_ins.session(session_id, now=LATER) is None


async def test_a_token_that_is_over_or_unknown_gets_nothing_and_harms_nothing(house: Operations, anna: UUID) -> None:
    session_id = await signed_in(house, anna)

    too_late = await house.sign_ins.rotate(
        spent=digest("first", anna),
        new=digest("second", anna),
        now=IN_A_MONTH,
        expires_at=IN_A_MONTH + days(30),
        longest=days(90),
    )

    assert too_late is None
    assert await refreshed(house, anna, "never issued", "second") is None
    assert await house.sign_ins.session(session_id, now=LATER) is not None


async def test_signed_out_is_signed_out(house: Operations, anna: UUID) -> None:
    session_id = await signed_in(house, anna)

    await house.sign_ins.end_session(digest("first", anna), now=LATER)
    await house.sign_ins.end_session(digest("first", anna), now=LATER)
    await house.sign_ins.end_session(b"means nothing", now=LATER)

    assert await house.sign_ins.session(session_id, now=LATER) is None
    assert await refreshed(house, anna, "first", "second") is None
    assert await refreshed(house, anna, "first", "second") is None
