"""New passwords: by who knows the one before, by a letter, and the first of an account that had none."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from application.emails import EmailInvalid, InvalidToken
from application.errors import NotSignedIn
from application.new_passwords import RecentSignInNeeded
from application.password_rules import WeakPassword, WrongPassword
from application.phones import InvalidCode
from application.ports.codes import CodeKind, Codes, NewCode, Proof, TooManyCodes
from application.ports.ledger import RowMoved
from application.ports.secrets import Passwords, SignedIn
from application.signing_in import InvalidCredentials, SigningIn, Tokens
from application.wording import PHONE_RELEASED, PHONE_STAYS
from domain.account.sign_ins import PasswordChanged
from domain.shared.fact import Actor, Cause
from tests.application.house import BY_ADMIN, PASSWORD, House, asked_by
from tests.application.test_erasure_requests import erasure_requests

pytestmark = pytest.mark.anyio

REQUEST = Cause("request", "req_1")
EMAIL, PHONE = "anna@example.com", "+48600100200"
NEW = "another long way"
CHANGED = "Your Streamly password was changed"


async def signs_in(house: House, password: str = PASSWORD) -> Tokens:
    return await house.signing_in.sign_in(email=EMAIL, password=password)


async def viewer(house: House, tokens: Tokens) -> SignedIn:
    return await house.signing_in.who_is(tokens.access_token)


async def changes(house: House, tokens: Tokens, *, current: str | None = PASSWORD, new: str = NEW) -> None:
    who = await viewer(house, tokens)
    await house.ways.new_passwords.change(who, current=current, new=new, asked=asked_by(who.account_id))


async def by_phone(house: House) -> Tokens:
    await house.ways.phones.ask_sign_in(PHONE)
    return await house.ways.phones.sign_in(PHONE, await house.ways.digits_for(PHONE), cause=REQUEST)


async def test_a_new_password_ends_every_other_sign_in(house: House) -> None:
    anna = await house.registers(EMAIL)
    laptop, phone = await signs_in(house), await signs_in(house)

    await changes(house, laptop)

    assert (await viewer(house, laptop)).account_id == anna
    await house.signing_in.refresh(laptop.refresh_token, cause=REQUEST)
    for attempt in (viewer(house, phone), house.signing_in.refresh(phone.refresh_token, cause=REQUEST)):
        with pytest.raises(NotSignedIn):
            await attempt
    with pytest.raises(InvalidCredentials):
        await signs_in(house, PASSWORD)
    await signs_in(house, NEW)
    (fact,) = [fact for fact in await house.facts() if isinstance(fact, PasswordChanged)]
    assert (fact.how, fact.actor) == ("change", Actor("viewer", str(anna)))
    assert CHANGED in await house.ways.subjects(EMAIL)


@pytest.mark.parametrize("current", ["not my password", "", None])
async def test_the_password_before_is_asked_for(house: House, current: str | None) -> None:
    await house.registers(EMAIL)
    laptop = await signs_in(house)

    with pytest.raises(WrongPassword):
        await changes(house, laptop, current=current)
    await signs_in(house)


@pytest.mark.parametrize("new", ["short", "password123", "x" * 129, EMAIL])
async def test_a_weak_one_is_refused(house: House, new: str) -> None:
    await house.registers(EMAIL)
    laptop = await signs_in(house)

    with pytest.raises(WeakPassword):
        await changes(house, laptop, new=new)


async def test_of_two_changes_at_once_one_counts(house: House) -> None:
    await house.registers(EMAIL)
    laptop, phone = await signs_in(house), await signs_in(house)

    outcomes = await asyncio.gather(
        changes(house, laptop), changes(house, phone, new="a third long way"), return_exceptions=True
    )

    assert len([outcome for outcome in outcomes if outcome is None]) == 1
    assert (await house.tags()).count("account.password_changed") == 1


async def test_a_sign_in_that_was_checked_before_the_change_is_over_with_it(house: House) -> None:
    anna = await house.registers(EMAIL)
    laptop = await signs_in(house)
    checked = await house.sign_ins.credential_of(anna)
    assert checked is not None

    await changes(house, laptop)

    with pytest.raises(NotSignedIn) as refused:
        await house.signing_in.open_session(anna, epoch=checked.epoch)
    assert refused.value.code == "session_ended"


async def test_who_forgot_it_sets_a_new_one_by_letter_and_is_signed_in_nowhere(house: House) -> None:
    anna = await house.registers(EMAIL)
    laptop = await signs_in(house)
    await house.ways.new_passwords.forgot("Anna@Example.com")

    await house.ways.new_passwords.reset(await house.ways.token_for(EMAIL), new=NEW, cause=REQUEST)

    for attempt in (viewer(house, laptop), house.signing_in.refresh(laptop.refresh_token, cause=REQUEST)):
        with pytest.raises(NotSignedIn):
            await attempt
    await signs_in(house, NEW)
    assert CHANGED in await house.ways.subjects(EMAIL)
    assert (await house.accounts.account(anna)).email_verified, "she reads what is sent to it"
    assert await house.tags() == ["account.registered", "account.email_verified", "account.password_changed"]


async def test_a_link_is_good_once_for_half_an_hour_and_until_the_next(house: House) -> None:
    await house.registers(EMAIL)
    await house.ways.new_passwords.forgot(EMAIL)
    first = await house.ways.token_for(EMAIL)
    house.real_time.pass_by(timedelta(seconds=1))
    await house.ways.new_passwords.forgot(EMAIL)
    second = await house.ways.token_for(EMAIL)
    assert first != second
    with pytest.raises(WeakPassword):
        await house.ways.new_passwords.reset(second, new="short", cause=REQUEST)
    await house.ways.new_passwords.reset(second, new=NEW, cause=REQUEST)
    house.real_time.pass_by(timedelta(seconds=1))
    await house.ways.new_passwords.forgot(EMAIL)
    third = await house.ways.token_for(EMAIL)
    house.real_time.pass_by(timedelta(minutes=30))

    for bad in (first, second, third, "made up", ""):
        with pytest.raises(InvalidToken):
            await house.ways.new_passwords.reset(bad, new="a third long way", cause=REQUEST)


async def test_of_fifty_who_use_one_link_at_once_one_does(house: House) -> None:
    await house.registers(EMAIL)
    await house.ways.new_passwords.forgot(EMAIL)
    token = await house.ways.token_for(EMAIL)

    tries = [house.ways.new_passwords.reset(token, new=f"a long way {number}", cause=REQUEST) for number in range(50)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    assert (await house.tags()).count("account.password_changed") == 1


async def test_to_nobody_nothing_is_sent_and_as_often(house: House) -> None:
    for _ in range(3):
        assert await house.ways.new_passwords.forgot("nobody@example.com") == timedelta(minutes=30)

    with pytest.raises(TooManyCodes):
        await house.ways.new_passwords.forgot("nobody@example.com")
    with pytest.raises(EmailInvalid):
        await house.ways.new_passwords.forgot("no address")
    assert await house.ways.letters.written(None, limit=10) == []


async def test_a_change_ends_the_letters_that_are_on_their_way(house: House) -> None:
    await house.registers(EMAIL)
    laptop = await signs_in(house)
    await house.ways.new_passwords.forgot(EMAIL)
    reset = await house.ways.token_for(EMAIL)

    await changes(house, laptop)

    with pytest.raises(InvalidToken):
        await house.ways.new_passwords.reset(reset, new="a third long way", cause=REQUEST)


async def test_who_signs_in_by_phone_sets_the_first_password_soon_after(house: House) -> None:
    tokens = await by_phone(house)

    await changes(house, tokens, current=None)

    (fact,) = [fact for fact in await house.facts() if isinstance(fact, PasswordChanged)]
    assert fact.how == "first"
    assert (await house.ways.subjects(PHONE))[0].startswith("The password of your Streamly account has been changed")
    with pytest.raises(WrongPassword):
        await changes(house, tokens, current=None, new="a third long way")
    await changes(house, tokens, current=NEW, new="a third long way")


async def test_a_device_left_lying_about_sets_none(house: House) -> None:
    tokens = await by_phone(house)
    house.real_time.pass_by(timedelta(minutes=14))
    tokens = await house.signing_in.refresh(tokens.refresh_token, cause=REQUEST)
    house.real_time.pass_by(timedelta(minutes=2))

    with pytest.raises(RecentSignInNeeded):
        await changes(house, tokens, current=None)
    with pytest.raises(WrongPassword):
        await changes(house, tokens, current="none at all")


@dataclass(frozen=True, kw_only=True)
class SlowPasswords:
    """Something happens while a new password is hashed."""

    passwords: Passwords
    meanwhile: Callable[[], Awaitable[object]]

    async def is_weak(self, password: str, *, known: tuple[str, ...]) -> bool:
        return await self.passwords.is_weak(password, known=known)

    async def hash(self, password: str) -> str:
        await self.meanwhile()
        return await self.passwords.hash(password)


@pytest.mark.parametrize("how", ["change", "first"])
@pytest.mark.parametrize("enabled_again", [False, True])
async def test_a_change_under_way_when_the_account_is_disabled_comes_to_nothing(
    house: House, how: str, *, enabled_again: bool
) -> None:
    if how == "change":
        await house.registers(EMAIL)
    tokens = await signs_in(house) if how == "change" else await by_phone(house)
    who = await viewer(house, tokens)

    async def disabled() -> None:
        await house.account_admin.disable(who.account_id, reason="stolen", asked=BY_ADMIN)
        if enabled_again:
            await house.account_admin.enable(who.account_id, reason="hers again", asked=BY_ADMIN)

    slow: Any = SlowPasswords(passwords=house.ways.new_passwords.passwords, meanwhile=disabled)
    current, asked = PASSWORD if how == "change" else None, asked_by(who.account_id)
    with pytest.raises(RowMoved):
        await replace(house.ways.new_passwords, passwords=slow).change(who, current=current, new=NEW, asked=asked)

    assert "account.password_changed" not in await house.tags()
    with pytest.raises(NotSignedIn):
        await viewer(house, tokens)
    with pytest.raises(NotSignedIn):
        await house.signing_in.refresh(tokens.refresh_token, cause=REQUEST)


async def test_a_disabled_account_changes_no_way_in(house: House) -> None:
    anna = await house.registers(EMAIL)
    who = await viewer(house, await signs_in(house))
    await house.ways.phones.ask_change(anna, phone=PHONE, password=PASSWORD)
    await house.ways.emails.ask_change(anna, email="mallory@example.com", password=PASSWORD)
    await house.account_admin.disable(anna, reason="stolen", asked=BY_ADMIN)

    with pytest.raises(RowMoved):
        await house.ways.new_passwords.change(who, current=PASSWORD, new=NEW, asked=asked_by(anna))
    with pytest.raises(InvalidCode):
        await house.ways.phones.prove(anna, await house.ways.digits_for(PHONE), asked_by(anna))
    with pytest.raises(InvalidToken):
        await house.ways.emails.confirm(await house.ways.token_for("mallory@example.com"), cause=REQUEST)
    assert (await house.tags())[-1] == "account.disabled"


async def test_what_was_sent_before_an_account_was_disabled_is_worthless_once_it_is_enabled_again(house: House) -> None:
    """But for the proof of the address that she registered with, which opens and changes nothing."""
    ways = house.ways
    anna = await house.registers(EMAIL)
    proof = await ways.token_for(EMAIL)
    await adds_a_number(house, anna)
    await ways.phones.ask_change(anna, phone="+48600100299", password=PASSWORD)
    await ways.emails.ask_change(anna, email="mallory@example.com", password=PASSWORD)
    await ways.new_passwords.forgot(EMAIL)
    reset = await ways.token_for(EMAIL)
    erasures = erasure_requests(house)
    await erasures.send_code(anna)
    await ways.phones.ask_sign_in(PHONE)

    await house.account_admin.disable(anna, reason="stolen", asked=BY_ADMIN)
    await house.account_admin.enable(anna, reason="hers again", asked=BY_ADMIN)

    with pytest.raises(InvalidToken):
        await ways.emails.confirm(await ways.token_for("mallory@example.com"), cause=REQUEST)
    with pytest.raises(InvalidCode):
        await ways.phones.prove(anna, await ways.digits_for("+48600100299"), asked_by(anna))
    with pytest.raises(InvalidToken):
        await ways.new_passwords.reset(reset, new=NEW, cause=REQUEST)
    code = await ways.digits_for(EMAIL)
    with pytest.raises(InvalidCode):
        await erasures.by_proof(anna, password=None, code=code, asked=asked_by(anna))
    with pytest.raises(NotSignedIn):
        await ways.phones.sign_in(PHONE, await ways.digits_for(PHONE), cause=REQUEST)
    assert (await house.tags())[-1] == "account.enabled"
    await ways.emails.confirm(proof, cause=REQUEST)
    assert (await house.tags())[-1] == "account.email_verified"


async def test_to_who_is_disabled_no_link_is_sent_and_whoever_asks_is_told_the_same(house: House) -> None:
    anna = await house.registers(EMAIL)
    await house.account_admin.disable(anna, reason="stolen", asked=BY_ADMIN)
    sent = await house.ways.subjects(EMAIL)

    for _ in range(3):
        assert await house.ways.new_passwords.forgot(EMAIL) == timedelta(minutes=30)
    with pytest.raises(TooManyCodes):
        await house.ways.new_passwords.forgot(EMAIL)
    assert await house.ways.subjects(EMAIL) == sent


async def link_asked_for_as_the_account_is_disabled(house: House, anna: UUID) -> str:
    """It was let in when she was looked up, and the code is made once it is disabled."""

    async def disabled() -> None:
        await house.account_admin.disable(anna, reason="stolen", asked=BY_ADMIN)

    slow: Any = SlowCodes(codes=house.ways.codes, meanwhile=disabled)
    await replace(house.ways.new_passwords, codes=slow).forgot(EMAIL)
    return await house.ways.token_for(EMAIL)


@pytest.mark.parametrize("enabled_again", [False, True])
@pytest.mark.parametrize("new", [NEW, "short"])
async def test_nor_is_a_link_worth_anything_that_was_asked_for_at_that_moment(
    house: House, new: str, *, enabled_again: bool
) -> None:
    anna = await house.registers(EMAIL)
    link = await link_asked_for_as_the_account_is_disabled(house, anna)
    if enabled_again:
        await house.account_admin.enable(anna, reason="hers again", asked=BY_ADMIN)

    with pytest.raises(InvalidToken):
        await house.ways.new_passwords.reset(link, new=new, cause=REQUEST)

    assert "account.password_changed" not in await house.tags()


async def test_nor_a_code_to_sign_in_by_that_was_asked_for_while_it_was_disabled(house: House) -> None:
    anna = (await viewer(house, await by_phone(house))).account_id
    await house.account_admin.disable(anna, reason="stolen", asked=BY_ADMIN)
    house.real_time.pass_by(timedelta(seconds=1))
    await house.ways.phones.ask_sign_in(PHONE)
    await house.account_admin.enable(anna, reason="hers again", asked=BY_ADMIN)

    with pytest.raises(NotSignedIn) as refused:
        await house.ways.phones.sign_in(PHONE, await house.ways.digits_for(PHONE), cause=REQUEST)
    assert refused.value.code == "invalid_code"


@pytest.mark.parametrize("enabled_again", [False, True])
async def test_a_reset_under_way_when_the_account_is_disabled_comes_to_nothing(
    house: House, *, enabled_again: bool
) -> None:
    anna = await house.registers(EMAIL)
    await house.ways.new_passwords.forgot(EMAIL)

    async def disabled() -> None:
        await house.account_admin.disable(anna, reason="stolen", asked=BY_ADMIN)
        if enabled_again:
            await house.account_admin.enable(anna, reason="hers again", asked=BY_ADMIN)

    slow: Any = SlowPasswords(passwords=house.ways.new_passwords.passwords, meanwhile=disabled)
    with pytest.raises(InvalidToken):
        await replace(house.ways.new_passwords, passwords=slow).reset(
            await house.ways.token_for(EMAIL), new=NEW, cause=REQUEST
        )

    assert "account.password_changed" not in await house.tags()


# Somebody else registered with her address


async def adds_a_number(house: House, account_id: UUID, phone: str = PHONE, *, password: str = PASSWORD) -> None:
    await house.ways.phones.ask_change(account_id, phone=phone, password=password)
    code = await house.ways.digits_for(phone)
    await house.ways.phones.prove(account_id, code, asked_by(account_id))


async def resets(house: House, *, new: str = NEW) -> None:
    await house.ways.new_passwords.forgot(EMAIL)
    await house.ways.new_passwords.reset(await house.ways.token_for(EMAIL), new=new, cause=REQUEST)


async def told(house: House) -> str:
    """Of the new password, by the latest letter."""
    letters = [letter for letter in await house.ways.letters.written(EMAIL, limit=10) if letter.subject == CHANGED]
    return max(letters, key=lambda letter: letter.at).body


@pytest.mark.parametrize("link_followed", [False, True])
async def test_who_registered_with_her_address_has_no_way_in_once_she_has_reset_the_password(
    house: House, *, link_followed: bool
) -> None:
    taken = await house.registers(EMAIL)
    link = await house.ways.token_for(EMAIL)
    laptop = await signs_in(house)
    await adds_a_number(house, taken)
    await house.ways.emails.ask_change(taken, email="mallory@example.com", password=PASSWORD)
    await house.ways.phones.ask_change(taken, phone="+48600100300", password=PASSWORD)
    if link_followed:
        await house.ways.emails.confirm(link, cause=REQUEST)
    house.real_time.pass_by(timedelta(seconds=1))

    await resets(house)

    with pytest.raises(NotSignedIn):
        await viewer(house, laptop)
    with pytest.raises(InvalidToken):
        await house.ways.emails.confirm(await house.ways.token_for("mallory@example.com"), cause=REQUEST)
    with pytest.raises(InvalidCode):
        await house.ways.phones.prove(taken, await house.ways.digits_for("+48600100300"), asked_by(taken))
    assert (await viewer(house, await by_phone(house))).account_id != taken, "the number makes an account of its own"
    assert (await house.accounts.account(taken)).phone is None
    assert PHONE_RELEASED in await told(house)


async def test_a_number_that_was_changed_once_the_link_was_followed_goes_too(house: House) -> None:
    taken = await house.registers(EMAIL)
    await adds_a_number(house, taken, "+48600100300")
    await house.ways.emails.confirm(await house.ways.token_for(EMAIL), cause=REQUEST)
    await adds_a_number(house, taken)
    house.real_time.pass_by(timedelta(seconds=1))

    await resets(house)

    assert (await viewer(house, await by_phone(house))).account_id != taken
    assert PHONE_RELEASED in await told(house)


async def test_a_number_that_came_after_a_reset_stays_and_is_named_in_the_letter(house: House) -> None:
    anna = await house.registers(EMAIL)
    await resets(house)
    await adds_a_number(house, anna, password=NEW)
    house.real_time.pass_by(timedelta(seconds=1))

    await resets(house, new="a third long way")

    assert (await viewer(house, await by_phone(house))).account_id == anna
    assert PHONE_STAYS in await told(house)


@dataclass(frozen=True, kw_only=True)
class SlowSigningIn(SigningIn):
    """Something happens between the look at a code and the session."""

    meanwhile: Callable[[], Awaitable[None]]

    async def open_session(self, account_id: UUID, *, epoch: int | None = None) -> Tokens:
        await self.meanwhile()
        return await SigningIn.open_session(self, account_id, epoch=epoch)


async def test_a_code_that_was_looked_at_before_the_reset_signs_nobody_in_after_it(house: House) -> None:
    await adds_a_number(house, await house.registers(EMAIL))
    house.real_time.pass_by(timedelta(seconds=1))
    await house.ways.phones.ask_sign_in(PHONE)
    parts = {field.name: getattr(house.signing_in, field.name) for field in fields(SigningIn)}
    slow = SlowSigningIn(**parts, meanwhile=lambda: resets(house))

    with pytest.raises(NotSignedIn) as refused:
        await replace(house.ways.phones, signing_in=slow).sign_in(
            PHONE, await house.ways.digits_for(PHONE), cause=REQUEST
        )
    assert refused.value.code == "session_ended"


@dataclass(frozen=True, kw_only=True)
class SlowCodes:
    """The owner resets the password while a code is made, or has just been looked at."""

    codes: Codes
    meanwhile: Callable[[], Awaitable[None]]

    async def issue(self, code: NewCode, *, now: datetime) -> datetime:
        await self.meanwhile()
        return await self.codes.issue(code, now=now)

    async def check(self, kind: CodeKind, subject: bytes, digits: str, *, now: datetime) -> Proof | None:
        proof = await self.codes.check(kind, subject, digits, now=now)
        await self.meanwhile()
        return proof


async def test_a_change_that_is_asked_for_while_the_password_is_reset_comes_to_nothing(house: House) -> None:
    taken = await house.registers(EMAIL)
    slow: Any = SlowCodes(codes=house.ways.codes, meanwhile=lambda: resets(house))

    emails = replace(house.ways.emails, codes=slow)
    await emails.ask_change(taken, email="mallory@example.com", password=PASSWORD)

    assert await house.ways.subjects("mallory@example.com") == []


async def test_a_number_that_is_proved_while_the_password_is_reset_is_not_added(house: House) -> None:
    taken = await house.registers(EMAIL)
    await house.ways.phones.ask_change(taken, phone=PHONE, password=PASSWORD)
    slow: Any = SlowCodes(codes=house.ways.codes, meanwhile=lambda: resets(house))

    with pytest.raises(InvalidCode):
        await replace(house.ways.phones, codes=slow).prove(taken, await house.ways.digits_for(PHONE), asked_by(taken))
    assert (await house.accounts.account(taken)).phone is None
