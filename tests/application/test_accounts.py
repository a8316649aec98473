"""Accounts: registered once to an address, signed in, refreshed, signed out."""

import asyncio
from datetime import timedelta

import pytest

from application.emails import EmailInvalid
from application.errors import NotFound, NotSignedIn
from application.password_rules import WeakPassword
from application.signing_in import SESSION_IDLE, InvalidCredentials, Tokens
from domain.account.account import Account, AccountRegistered
from domain.account.contacts import EmailTaken
from domain.account.sign_ins import RefreshTokenReused
from domain.shared.fact import NOBODY, Actor, Cause
from tests.application.house import BY_ADMIN, PASSWORD, House
from tests.people import ADMIN, ANNA, MONDAY

pytestmark = pytest.mark.anyio

REQUEST = Cause("request", "req_1")


async def test_anna_registers_by_herself(house: House) -> None:
    registered = await house.accounts.register(email="Anna@Example.com", password=PASSWORD, name="Anna", cause=REQUEST)

    assert registered.position == 1
    account = registered.account
    assert (account.email, account.name, account.role) == ("anna@example.com", "Anna", "viewer")
    assert account.created_at == MONDAY
    (fact,) = await house.facts()
    assert isinstance(fact, AccountRegistered)
    assert (fact.actor, fact.cause) == (Actor("viewer", str(account.id)), REQUEST)


async def test_an_admin_is_registered_by_who_may(house: House) -> None:
    by = Actor("system", "cli")

    registered = await house.accounts.register(
        email="root@example.com", password=PASSWORD, name=None, cause=REQUEST, role="admin", by=by
    )

    assert registered.account.role == "admin"
    assert (await house.facts())[0].actor == by


@pytest.mark.parametrize("email", ["anna@example.com", "ANNA@example.com", "anna@EXAMPLE.com"])
async def test_an_address_that_is_taken_is_refused_however_it_is_spelt(house: House, email: str) -> None:
    await house.registers("anna@example.com")

    with pytest.raises(EmailTaken):
        await house.registers(email)
    assert await house.tags() == ["account.registered"]


async def test_of_fifty_who_register_one_address_at_once_one_has_it(house: House) -> None:
    outcomes = await asyncio.gather(*(house.registers() for _ in range(50)), return_exceptions=True)

    winners = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(winners) == 1
    assert sum(isinstance(outcome, EmailTaken) for outcome in outcomes) == 49
    assert await house.tags() == ["account.registered"]
    assert (await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)).access_token


@pytest.mark.parametrize("email", ["", "anna", "anna@", "@example.com", "anna@example", "an na@example.com"])
async def test_what_is_no_address_is_refused(house: House, email: str) -> None:
    with pytest.raises(EmailInvalid):
        await house.registers(email)
    assert await house.facts() == []


@pytest.mark.parametrize("password", ["", "123456789", "x" * 129, "password123", "PASSWORD123", "anna@example.com"])
async def test_a_weak_password_is_refused(house: House, password: str) -> None:
    with pytest.raises(WeakPassword):
        await house.accounts.register(email="anna@example.com", password=password, name="Anna", cause=REQUEST)
    assert await house.facts() == []


async def test_her_own_name_is_a_weak_password(house: House) -> None:
    with pytest.raises(WeakPassword):
        await house.accounts.register(
            email="anna@example.com", password="anna karenina", name="Anna Karenina", cause=REQUEST
        )


@pytest.mark.parametrize("password", ["0123456780", "x" * 128])
async def test_ten_to_a_hundred_and_twenty_eight_characters_will_do(house: House, password: str) -> None:
    await house.accounts.register(email="anna@example.com", password=password, name=None, cause=REQUEST)

    await house.signing_in.sign_in(email="anna@example.com", password=password)


async def test_she_signs_in_and_is_known_by_her_token(house: House) -> None:
    anna = await house.registers()

    tokens = await house.signing_in.sign_in(email="Anna@example.COM", password=PASSWORD)

    assert tokens.expires_in == 900
    who = await house.signing_in.who_is(tokens.access_token)
    assert (who.account_id, who.role, who.expires_at) == (anna, "viewer", MONDAY + house.signing_in.access_tokens.ttl)


@pytest.mark.parametrize(
    ("email", "password"),
    [("anna@example.com", "another long way"), ("boris@example.com", PASSWORD), ("no address", PASSWORD)],
)
async def test_what_is_wrong_about_a_sign_in_is_not_said(house: House, email: str, password: str) -> None:
    await house.registers()

    with pytest.raises(InvalidCredentials) as refused:
        await house.signing_in.sign_in(email=email, password=password)
    assert refused.value.code == "invalid_credentials"
    assert str(refused.value) == "The e-mail address or the password is wrong."


async def test_an_access_token_is_good_for_fifteen_minutes(house: House) -> None:
    await house.registers()
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)

    house.real_time.pass_by(timedelta(minutes=15))

    with pytest.raises(NotSignedIn) as refused:
        await house.signing_in.who_is(tokens.access_token)
    assert refused.value.code == "invalid_token"


async def test_sign_in_is_about_real_time_and_not_about_business_time(house: House) -> None:
    await house.registers()
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)

    house.business_time.pass_by(timedelta(days=365))

    await house.signing_in.who_is(tokens.access_token)


async def test_a_made_up_token_is_nobodys(house: House) -> None:
    with pytest.raises(NotSignedIn):
        await house.signing_in.who_is("made up")


async def test_refreshed_she_stays_signed_in(house: House) -> None:
    anna = await house.registers()
    first = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    house.real_time.pass_by(timedelta(days=29))

    second = await house.signing_in.refresh(first.refresh_token, cause=REQUEST)
    house.real_time.pass_by(timedelta(days=29))
    third = await house.signing_in.refresh(second.refresh_token, cause=REQUEST)

    assert (await house.signing_in.who_is(third.access_token)).account_id == anna
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3


async def test_after_thirty_days_without_a_refresh_she_signs_in_again(house: House) -> None:
    await house.registers()
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    house.real_time.pass_by(SESSION_IDLE)

    with pytest.raises(NotSignedIn) as refused:
        await house.signing_in.refresh(tokens.refresh_token, cause=REQUEST)
    assert refused.value.code == "invalid_token"


async def test_a_refresh_token_that_was_spent_ends_the_session_of_who_stole_it_too(house: House) -> None:
    await house.registers()
    hers = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    thiefs = await house.signing_in.refresh(hers.refresh_token, cause=REQUEST)

    with pytest.raises(NotSignedIn) as refused:
        await house.signing_in.refresh(hers.refresh_token, cause=REQUEST)

    assert refused.value.code == "token_reused"
    with pytest.raises(NotSignedIn):
        await house.signing_in.refresh(thiefs.refresh_token, cause=REQUEST)
    with pytest.raises(NotSignedIn) as ended:
        await house.signing_in.who_is(thiefs.access_token)
    assert ended.value.code == "session_ended"


async def test_that_a_token_was_copied_is_recorded_once(house: House) -> None:
    anna = await house.registers()
    hers = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    session_id = (await house.signing_in.who_is(hers.access_token)).session_id
    await house.signing_in.refresh(hers.refresh_token, cause=REQUEST)

    attempts = [house.signing_in.refresh(hers.refresh_token, cause=REQUEST) for _ in range(20)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    assert [outcome.code for outcome in outcomes if isinstance(outcome, NotSignedIn)] == ["token_reused"] * 20
    (fact,) = [fact for fact in await house.facts() if isinstance(fact, RefreshTokenReused)]
    assert (fact.account_id, fact.session_id, fact.actor, fact.cause) == (anna, session_id, NOBODY, REQUEST)


async def test_of_twenty_who_refresh_at_once_at_most_one_stays_signed_in(house: House) -> None:
    await house.registers()
    hers = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)

    attempts = [house.signing_in.refresh(hers.refresh_token, cause=REQUEST) for _ in range(20)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    descendants = [outcome for outcome in outcomes if isinstance(outcome, Tokens)]
    assert len(descendants) <= 1
    for tokens in descendants:
        with pytest.raises(NotSignedIn):
            await house.signing_in.who_is(tokens.access_token)


async def test_she_sees_where_she_is_signed_in_and_ends_one_place(house: House) -> None:
    anna, boris = await house.registers(), await house.registers("boris@example.com")
    laptop = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    phone = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    newest, oldest = await house.signing_in.places(anna, before=None, limit=10)

    with pytest.raises(NotFound):
        await house.signing_in.sign_out_of(boris, oldest.session_id)
    await house.signing_in.sign_out_of(anna, oldest.session_id)

    assert await house.signing_in.places(anna, before=None, limit=10) == [newest]
    await house.signing_in.who_is(phone.access_token)
    with pytest.raises(NotSignedIn):
        await house.signing_in.who_is(laptop.access_token)


async def test_after_ninety_days_she_signs_in_again_however_often_she_was_here(house: House) -> None:
    await house.registers()
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    for _ in range(4):
        house.real_time.pass_by(timedelta(days=22))
        tokens = await house.signing_in.refresh(tokens.refresh_token, cause=REQUEST)

    house.real_time.pass_by(timedelta(days=2))

    with pytest.raises(NotSignedIn) as refused:
        await house.signing_in.refresh(tokens.refresh_token, cause=REQUEST)
    assert refused.value.code == "invalid_token"


async def test_no_access_token_outlives_its_session(house: House) -> None:
    await house.registers()
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    for _ in range(3):
        house.real_time.pass_by(timedelta(days=29, hours=23))
        tokens = await house.signing_in.refresh(tokens.refresh_token, cause=REQUEST)
    house.real_time.pass_by(timedelta(hours=2, minutes=55))

    assert (await house.signing_in.refresh(tokens.refresh_token, cause=REQUEST)).expires_in == 300


async def test_a_reuse_leaves_her_other_places_alone(house: House) -> None:
    await house.registers()
    laptop = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    phone = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    await house.signing_in.refresh(laptop.refresh_token, cause=REQUEST)

    with pytest.raises(NotSignedIn):
        await house.signing_in.refresh(laptop.refresh_token, cause=REQUEST)

    await house.signing_in.refresh(phone.refresh_token, cause=REQUEST)


async def test_signed_out_neither_token_is_good(house: House) -> None:
    await house.registers()
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)

    await house.signing_in.sign_out(tokens.refresh_token)
    await house.signing_in.sign_out("made up")

    with pytest.raises(NotSignedIn):
        await house.signing_in.who_is(tokens.access_token)
    with pytest.raises(NotSignedIn):
        await house.signing_in.refresh(tokens.refresh_token, cause=REQUEST)


async def test_a_role_is_the_ledgers_and_not_the_tokens(house: House) -> None:
    anna = await house.registers()
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)

    await house.account_admin.change_role(anna, "support", BY_ADMIN)

    assert (await house.signing_in.who_is(tokens.access_token)).role == "support"
    changed = (await house.facts())[-1]
    assert changed.actor == Actor("admin", str(ADMIN))


async def test_a_disabled_account_is_signed_in_nowhere(house: House) -> None:
    anna = await house.registers()
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)

    await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.disable(reason="chargebacks"))

    for attempt in (
        house.signing_in.who_is(tokens.access_token),
        house.signing_in.refresh(tokens.refresh_token, cause=REQUEST),
        house.signing_in.sign_in(email="anna@example.com", password=PASSWORD),
    ):
        with pytest.raises(NotSignedIn):
            await attempt


async def test_an_account_that_is_not_there_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        await house.accounts.account(ANNA)
    with pytest.raises(NotFound):
        await house.account_admin.change_role(ANNA, "admin", BY_ADMIN)
