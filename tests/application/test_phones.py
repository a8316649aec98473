"""Phone numbers: one signs in by a code, and changes to a number that has proved itself."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from application.errors import NotSignedIn
from application.password_rules import WrongPassword
from application.phones import InvalidCode, PhoneInvalid
from application.ports.codes import TooManyCodes
from application.signing_in import Tokens
from domain.account.account import AccountRegisteredByPhone
from domain.account.contacts import PhoneChanged, PhoneTaken
from domain.shared.fact import Actor, Cause
from tests.application.house import BY_ADMIN, PASSWORD, House, asked_by

pytestmark = pytest.mark.anyio

REQUEST = Cause("request", "req_1")
EMAIL, PHONE, NEW = "anna@example.com", "+48600100200", "+48600100300"


async def code_for(house: House, phone: str = PHONE) -> str:
    assert await house.ways.phones.ask_sign_in(phone) == timedelta(minutes=10)
    return await house.ways.digits_for(phone)


async def signs_in(house: House, phone: str = PHONE) -> UUID:
    code = await code_for(house, phone)
    return await whose(house, await house.ways.phones.sign_in(phone, code, cause=REQUEST))


async def whose(house: House, tokens: Tokens) -> UUID:
    return (await house.signing_in.who_is(tokens.access_token)).account_id


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def refused(house: House, code: str, phone: str = PHONE) -> str:
    with pytest.raises(NotSignedIn) as trouble:
        await house.ways.phones.sign_in(phone, code, cause=REQUEST)
    return trouble.value.code


async def test_the_first_sign_in_makes_the_account_and_the_next_finds_it(house: House) -> None:
    anna = await signs_in(house)
    code = await code_for(house)
    again = await whose(house, await house.ways.phones.sign_in("+48 600 100 200", code, cause=REQUEST))

    assert again == anna
    (fact,) = await house.facts()
    assert isinstance(fact, AccountRegisteredByPhone)
    assert (fact.phone, fact.role, fact.actor, fact.cause) == (PHONE, "viewer", Actor("viewer", str(anna)), REQUEST)
    account = await house.accounts.account(anna)
    assert (account.phone, account.email, account.has_password) == (PHONE, None, False)


async def test_a_code_is_good_once_for_ten_minutes_and_until_the_next(house: House) -> None:
    first = await code_for(house)
    house.real_time.pass_by(timedelta(seconds=1))
    second = await code_for(house)
    if first != second:
        assert await refused(house, first) == "invalid_code"
    await house.ways.phones.sign_in(PHONE, second, cause=REQUEST)
    assert await refused(house, second) == "invalid_code"
    house.real_time.pass_by(timedelta(minutes=1))
    third = await code_for(house)
    house.real_time.pass_by(timedelta(minutes=10))
    assert await refused(house, third) == "invalid_code"


async def test_five_wrong_tries_end_a_code(house: House) -> None:
    code = await code_for(house)
    for _ in range(5):
        assert await refused(house, another(code)) == "invalid_code"

    assert await refused(house, code) == "invalid_code"
    assert await house.facts() == []


async def test_after_four_wrong_tries_the_right_one_is_good(house: House) -> None:
    code = await code_for(house)
    for _ in range(4):
        await refused(house, another(code))

    await house.ways.phones.sign_in(PHONE, code, cause=REQUEST)


async def test_a_code_is_for_its_own_number(house: House) -> None:
    code = await code_for(house)

    assert await refused(house, code, NEW) == "invalid_code"


async def test_of_fifty_right_tries_at_once_one_signs_in(house: House) -> None:
    code = await code_for(house)

    tries = [house.ways.phones.sign_in(PHONE, code, cause=REQUEST) for _ in range(50)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(outcome, Tokens) for outcome in outcomes) == 1
    assert await house.tags() == ["account.registered_by_phone"]


async def test_there_is_an_end_to_asking_for_a_number_that_is_known_as_for_one_that_is_not(house: House) -> None:
    await signs_in(house)
    await house.ways.phones.ask_sign_in(PHONE)
    await house.ways.phones.ask_sign_in(PHONE)
    for _ in range(3):
        await house.ways.phones.ask_sign_in(NEW)

    for phone in (PHONE, NEW):
        with pytest.raises(TooManyCodes):
            await house.ways.phones.ask_sign_in(phone)


async def test_a_disabled_account_is_not_signed_in(house: House) -> None:
    anna = await signs_in(house)
    await house.account_admin.disable(anna, reason="chargebacks", asked=BY_ADMIN)

    assert await refused(house, await code_for(house)) == "account_disabled"


async def test_what_is_no_number_is_refused(house: House) -> None:
    anna = await house.registers(EMAIL)

    with pytest.raises(PhoneInvalid):
        await house.ways.phones.ask_sign_in("600 100")
    with pytest.raises(PhoneInvalid):
        await house.ways.phones.sign_in("600 100", "123456", cause=REQUEST)
    with pytest.raises(PhoneInvalid):
        await house.ways.phones.ask_change(anna, phone="600 100", password=PASSWORD)


async def asks_for(house: House, anna: UUID, phone: str = PHONE) -> str:
    await house.ways.phones.ask_change(anna, phone=phone, password=PASSWORD)
    return await house.ways.digits_for(phone)


async def test_a_number_that_is_proved_is_hers_and_signs_her_in(house: House) -> None:
    anna = await house.registers(EMAIL)
    code = await asks_for(house, anna)
    assert (await house.accounts.account(anna)).phone is None

    await house.ways.phones.prove(anna, code, asked_by(anna))

    assert (await house.accounts.account(anna)).phone == PHONE
    assert "Your phone number was changed" in await house.ways.subjects(EMAIL)
    house.real_time.pass_by(timedelta(seconds=1))
    assert await signs_in(house) == anna


async def test_the_number_before_is_anybodys_again(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.phones.prove(anna, await asks_for(house, anna), asked_by(anna))
    await house.ways.phones.prove(anna, await asks_for(house, anna, NEW), asked_by(anna))

    fact = (await house.facts())[-1]
    assert isinstance(fact, PhoneChanged)
    assert (fact.before, fact.after) == (PHONE, NEW)
    house.real_time.pass_by(timedelta(seconds=1))
    assert await signs_in(house, PHONE) != anna


async def test_the_number_that_she_has_is_no_change(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.phones.prove(anna, await asks_for(house, anna), asked_by(anna))
    house.real_time.pass_by(timedelta(seconds=1))

    await house.ways.phones.prove(anna, await asks_for(house, anna), asked_by(anna))

    assert (await house.tags()).count("account.phone_changed") == 1


async def test_a_wrong_code_proves_nothing_and_nobody_proves_for_another(house: House) -> None:
    anna, boris = await house.registers(EMAIL), await house.registers("boris@example.com")
    code = await asks_for(house, anna)

    for account_id, given in ((anna, another(code)), (boris, code)):
        with pytest.raises(InvalidCode):
            await house.ways.phones.prove(account_id, given, asked_by(account_id))
    assert (await house.accounts.account(anna)).phone is None


async def test_the_password_is_asked_for(house: House) -> None:
    anna = await house.registers(EMAIL)

    with pytest.raises(WrongPassword):
        await house.ways.phones.ask_change(anna, phone=PHONE, password="another long way")
    assert await house.ways.subjects(PHONE) == []


async def test_of_a_number_that_somebody_has_nobody_is_told(house: House) -> None:
    await signs_in(house)
    written = await house.ways.subjects(PHONE)
    anna = await house.registers(EMAIL)

    await house.ways.phones.ask_change(anna, phone=PHONE, password=PASSWORD)

    assert await house.ways.subjects(PHONE) == written


async def test_a_number_that_was_taken_meanwhile_is_refused(house: House) -> None:
    anna = await house.registers(EMAIL)
    code = await asks_for(house, anna)
    house.real_time.pass_by(timedelta(seconds=1))
    await signs_in(house)

    with pytest.raises(PhoneTaken):
        await house.ways.phones.prove(anna, code, asked_by(anna))
