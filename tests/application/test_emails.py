"""Addresses: verified by the letter that registering sends, and changed once the new one has confirmed it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from application.emails import EmailInvalid, InvalidToken
from application.password_rules import WrongPassword
from application.ports.codes import Codes, NewCode, TooManyCodes
from domain.account.contacts import EmailChanged, EmailTaken, EmailVerified
from domain.shared.fact import Actor, Cause
from tests.application.house import PASSWORD, House, asked_by

pytestmark = pytest.mark.anyio

REQUEST = Cause("request", "req_1")
EMAIL, NEW = "anna@example.com", "anna@kowalska.example"
CONFIRM_NEW, CHANGED = "Confirm your new e-mail address", "Your e-mail address was changed"


async def test_registering_asks_whether_the_address_is_hers(house: House) -> None:
    anna = await house.registers(EMAIL)
    assert await house.ways.subjects(EMAIL) == ["Confirm your e-mail address"]
    assert not (await house.accounts.account(anna)).email_verified

    await house.ways.emails.confirm(await house.ways.token_for(EMAIL), cause=REQUEST)

    assert (await house.accounts.account(anna)).email_verified
    fact = (await house.facts())[-1]
    assert isinstance(fact, EmailVerified)
    assert (fact.email, fact.actor, fact.cause) == (EMAIL, Actor("viewer", str(anna)), REQUEST)


async def test_who_is_refused_is_sent_nothing(house: House) -> None:
    await house.registers(EMAIL)

    with pytest.raises(EmailTaken):
        await house.registers(EMAIL)

    assert len(await house.ways.subjects(EMAIL)) == 1


async def test_a_link_is_good_once_and_for_a_day(house: House) -> None:
    await house.registers(EMAIL)
    token = await house.ways.token_for(EMAIL)
    await house.ways.emails.confirm(token, cause=REQUEST)
    await house.registers("boris@example.com")
    house.real_time.pass_by(timedelta(hours=24))

    for bad in (token, await house.ways.token_for("boris@example.com"), "made up", ""):
        with pytest.raises(InvalidToken):
            await house.ways.emails.confirm(bad, cause=REQUEST)


async def test_a_new_address_counts_once_it_has_confirmed_it(house: House) -> None:
    anna = await house.registers(EMAIL)

    await house.ways.emails.ask_change(anna, email="Anna@Kowalska.example", password=PASSWORD)
    assert (await house.accounts.account(anna)).email == EMAIL
    assert await house.ways.subjects(NEW) == [CONFIRM_NEW]
    await house.ways.emails.confirm(await house.ways.token_for(NEW), cause=REQUEST)

    account = await house.accounts.account(anna)
    assert (account.email, account.email_verified) == (NEW, True)
    fact = (await house.facts())[-1]
    assert isinstance(fact, EmailChanged)
    assert (fact.before, fact.after, fact.actor) == (EMAIL, NEW, Actor("viewer", str(anna)))
    assert CHANGED in await house.ways.subjects(EMAIL)
    await house.signing_in.sign_in(email=NEW, password=PASSWORD)
    assert await house.registers(EMAIL) != anna, "the former address is anybody's again"


async def test_what_was_sent_to_the_former_address_is_worthless(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.new_passwords.forgot(EMAIL)
    reset = await house.ways.token_for(EMAIL)
    await house.ways.emails.ask_change(anna, email=NEW, password=PASSWORD)

    await house.ways.emails.confirm(await house.ways.token_for(NEW), cause=REQUEST)

    with pytest.raises(InvalidToken):
        await house.ways.new_passwords.reset(reset, new="another long way", cause=REQUEST)


@dataclass(frozen=True, kw_only=True)
class SlowCodes:
    """Something happens while a code is made."""

    codes: Codes
    meanwhile: Callable[[], Awaitable[object]]

    async def issue(self, code: NewCode, *, now: datetime) -> datetime:
        await self.meanwhile()
        return await self.codes.issue(code, now=now)


async def test_whoever_forgot_the_password_while_the_address_changes_gets_no_letter_at_the_former(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.emails.ask_change(anna, email=NEW, password=PASSWORD)
    token = await house.ways.token_for(NEW)
    slow: Any = SlowCodes(codes=house.ways.codes, meanwhile=lambda: house.ways.emails.confirm(token, cause=REQUEST))

    await replace(house.ways.new_passwords, codes=slow).forgot(EMAIL)

    assert (await house.accounts.account(anna)).email == NEW
    assert "Reset your Streamly password" not in await house.ways.subjects(EMAIL)


async def test_a_link_to_reset_counts_for_the_address_that_the_account_has_and_no_other(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.emails.ask_change(anna, email=NEW, password=PASSWORD)
    await house.ways.emails.confirm(await house.ways.token_for(NEW), cause=REQUEST)
    house.real_time.pass_by(timedelta(seconds=1))
    code = NewCode(
        kind="password_reset",
        subject=b"her former address",
        account_id=anna,
        payload=EMAIL,
        write=house.ways.wording.password_reset(EMAIL),
    )
    await house.ledger.append(rows=await house.ways.codes.rows(code, now=house.real_time.now()))

    with pytest.raises(InvalidToken):
        await house.ways.new_passwords.reset(await house.ways.token_for(EMAIL), new="another long way", cause=REQUEST)
    await house.signing_in.sign_in(email=NEW, password=PASSWORD)


async def test_the_password_is_asked_for(house: House) -> None:
    anna = await house.registers(EMAIL)

    with pytest.raises(WrongPassword):
        await house.ways.emails.ask_change(anna, email=NEW, password="another long way")
    assert await house.ways.subjects(NEW) == []


async def test_of_an_address_that_somebody_has_nobody_is_told(house: House) -> None:
    anna, _ = await house.registers(EMAIL), await house.registers("boris@example.com")

    await house.ways.emails.ask_change(anna, email="boris@example.com", password=PASSWORD)

    assert await house.ways.subjects("boris@example.com") == ["Confirm your e-mail address"]


async def test_what_is_no_address_is_refused(house: House) -> None:
    anna = await house.registers(EMAIL)

    with pytest.raises(EmailInvalid):
        await house.ways.emails.ask_change(anna, email="anna@", password=PASSWORD)


async def test_an_address_that_was_taken_meanwhile_is_refused(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.emails.ask_change(anna, email=NEW, password=PASSWORD)
    token = await house.ways.token_for(NEW)
    await house.registers(NEW)

    with pytest.raises(EmailTaken):
        await house.ways.emails.confirm(token, cause=REQUEST)
    assert (await house.accounts.account(anna)).email == EMAIL


async def test_of_fifty_who_use_one_link_at_once_one_does(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.emails.ask_change(anna, email=NEW, password=PASSWORD)
    token = await house.ways.token_for(NEW)

    tries = [house.ways.emails.confirm(token, cause=REQUEST) for _ in range(50)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    assert (await house.tags()).count("account.email_changed") == 1


async def test_the_address_that_she_has_is_verified_by_asking_for_it_again(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.emails.ask_change(anna, email=EMAIL, password=PASSWORD)

    await house.ways.emails.confirm(await house.ways.token_for(EMAIL), cause=REQUEST)

    assert (await house.accounts.account(anna)).email_verified
    assert CHANGED not in await house.ways.subjects(EMAIL)


async def test_there_is_an_end_to_asking(house: House) -> None:
    anna = await house.registers(EMAIL)
    for _ in range(3):
        await house.ways.emails.ask_change(anna, email=NEW, password=PASSWORD)

    with pytest.raises(TooManyCodes):
        await house.ways.emails.ask_change(anna, email=NEW, password=PASSWORD)


async def test_she_is_renamed(house: House) -> None:
    anna = await house.registers(EMAIL, name="Anna")

    renamed = await house.accounts.rename(anna, "Anna Kowalska", asked_by(anna))

    assert (renamed.account.name, renamed.position) == ("Anna Kowalska", 2)
    assert (await house.accounts.rename(anna, "Anna Kowalska", asked_by(anna))).position == 2
