"""How an account is reached, what it is called, and when all its sign-ins end."""

from uuid import UUID

import pytest

from domain.access.standing import Standing, follow
from domain.account.account import (
    Account,
    AccountDisabled,
    AccountEnabled,
    AccountEvent,
    AccountRegistered,
    AccountRegisteredByPhone,
    RoleChanged,
)
from domain.account.contacts import AccountRenamed, EmailChanged, EmailVerified, PhoneChanged, PhoneReleased
from domain.account.sign_ins import PasswordChanged, RefreshTokenReused
from domain.shared.fact import AccountFact
from tests.people import ANNA, MONDAY
from tests.scenario import folded, given, nothing_yet

EMAIL, NEW_EMAIL = "anna@example.com", "anna@kowalska.example"
PHONE, NEW_PHONE = "+48600100200", "+48600100300"
LAPTOP = UUID("77777777-0000-4000-8000-000000000001")

registered = AccountRegistered(account_id=ANNA, email=EMAIL, name="Anna", role="viewer", recorded_at=MONDAY)
by_phone = AccountRegisteredByPhone(account_id=ANNA, phone=PHONE, role="viewer", recorded_at=MONDAY)
verified = EmailVerified(account_id=ANNA, email=EMAIL)
changed = PasswordChanged(account_id=ANNA, how="change")
disabled = AccountDisabled(account_id=ANNA, reason="chargebacks")


def test_a_first_sign_in_by_phone_makes_an_account_without_address_and_password() -> None:
    nothing_yet().when(lambda _: Account.register_by_phone(account_id=ANNA, phone=PHONE)).then(
        AccountRegisteredByPhone(account_id=ANNA, phone=PHONE, role="viewer")
    )

    account = folded(Account, by_phone)
    assert (account.phone, account.email, account.name, account.role) == (PHONE, None, None, "viewer")
    assert (account.email_verified, account.has_password, account.created_at) == (False, False, MONDAY)


def test_she_is_renamed_once() -> None:
    renamed = AccountRenamed(account_id=ANNA, before="Anna", after="Anna Kowalska")

    given(Account, registered).when(lambda anna: anna.rename("Anna Kowalska")).then(renamed)
    given(Account, registered, renamed).when(lambda anna: anna.rename("Anna Kowalska")).then_nothing()
    given(Account, registered, renamed).when(lambda anna: anna.rename(None)).then(
        AccountRenamed(account_id=ANNA, before="Anna Kowalska", after=None)
    )
    assert folded(Account, registered, renamed).name == "Anna Kowalska"


def test_her_address_is_verified_once() -> None:
    given(Account, registered).when(lambda anna: anna.verify_email(EMAIL)).then(verified)
    given(Account, registered, verified).when(lambda anna: anna.verify_email(EMAIL)).then_nothing()
    assert not folded(Account, registered).email_verified
    assert folded(Account, registered, verified).email_verified


def test_a_link_to_an_address_that_she_has_left_verifies_nothing() -> None:
    moved = EmailChanged(account_id=ANNA, before=EMAIL, after=NEW_EMAIL)

    given(Account, registered, moved).when(lambda anna: anna.verify_email(EMAIL)).then_nothing()


def test_a_new_address_was_confirmed_and_so_is_verified() -> None:
    moved = EmailChanged(account_id=ANNA, before=EMAIL, after=NEW_EMAIL)

    given(Account, registered).when(lambda anna: anna.change_email(NEW_EMAIL)).then(moved)
    account = folded(Account, registered, moved)
    assert (account.email, account.email_verified) == (NEW_EMAIL, True)
    given(Account, registered, moved).when(lambda anna: anna.change_email(NEW_EMAIL)).then_nothing()


def test_the_address_that_she_has_is_verified_by_a_change_to_it() -> None:
    given(Account, registered).when(lambda anna: anna.change_email(EMAIL)).then(verified)


def test_an_account_by_phone_gets_its_first_address() -> None:
    given(Account, by_phone).when(lambda anna: anna.change_email(EMAIL)).then(
        EmailChanged(account_id=ANNA, before=None, after=EMAIL)
    )


def test_a_number_is_changed_once() -> None:
    moved = PhoneChanged(account_id=ANNA, before=PHONE, after=NEW_PHONE)

    given(Account, by_phone).when(lambda anna: anna.change_phone(NEW_PHONE)).then(moved)
    given(Account, by_phone, moved).when(lambda anna: anna.change_phone(NEW_PHONE)).then_nothing()
    assert folded(Account, by_phone, moved).phone == NEW_PHONE


def test_a_password_that_none_came_before_is_the_first() -> None:
    first = PasswordChanged(account_id=ANNA, how="first")

    given(Account, by_phone).when(lambda anna: anna.change_password("change")).then(first)
    given(Account, by_phone).when(lambda anna: anna.change_password("reset")).then(
        PasswordChanged(account_id=ANNA, how="reset")
    )
    given(Account, by_phone, first).when(lambda anna: anna.change_password("change")).then(changed)
    given(Account, registered).when(lambda anna: anna.change_password("change")).then(changed)


added = PhoneChanged(account_id=ANNA, before=None, after=PHONE)
exchanged = PhoneChanged(account_id=ANNA, before=NEW_PHONE, after=PHONE)
reset = PasswordChanged(account_id=ANNA, how="reset")
released = PhoneReleased(account_id=ANNA, before=PHONE)


def test_a_number_that_came_before_the_address_was_proved_goes_with_the_reset_that_proves_it() -> None:
    given(Account, registered, added).when(lambda anna: anna.reset_password(EMAIL)).then(verified, released, reset)

    account = folded(Account, registered, added, verified, released, reset)
    assert (account.phone, account.email_verified, account.sign_in_epoch) == (None, True, 1)
    given(Account, registered, added, verified, released, reset).when(lambda anna: anna.reset_password(EMAIL)).then(
        reset
    )


@pytest.mark.parametrize(
    "before",
    [
        (registered, added, verified),
        (registered, verified, added),
        (registered, verified, added, changed),
        (registered, verified, changed, added),
        (registered, PhoneChanged(account_id=ANNA, before=None, after=NEW_PHONE), verified, exchanged),
    ],
)
def test_also_where_a_link_was_followed_in_between_which_asks_for_no_password(before: tuple[AccountEvent, ...]) -> None:
    given(Account, *before).when(lambda anna: anna.reset_password(EMAIL)).then(released, reset)


@pytest.mark.parametrize(
    "before",
    [
        (registered, verified, reset, added),
        (registered, added, verified, released, reset, PhoneChanged(account_id=ANNA, before=None, after=NEW_PHONE)),
        (registered, verified, reset, changed, added),
        (by_phone, EmailChanged(account_id=ANNA, before=None, after=EMAIL)),
        (
            by_phone,
            PhoneChanged(account_id=ANNA, before=PHONE, after=NEW_PHONE),
            EmailChanged(account_id=ANNA, before=None, after=EMAIL),
        ),
    ],
)
def test_a_number_that_came_after_a_reset_or_made_the_account_stays(before: tuple[AccountEvent, ...]) -> None:
    given(Account, *before).when(lambda anna: anna.reset_password(EMAIL)).then(reset)
    assert folded(Account, *before, reset).phone is not None


def test_a_copied_token_is_told_of_with_the_sign_in_that_it_ended() -> None:
    given(Account, registered).when(lambda anna: anna.end_copied_sign_in(LAPTOP)).then(
        RefreshTokenReused(account_id=ANNA, session_id=LAPTOP)
    )


def standing_after(*facts: AccountFact) -> Standing:
    standing: Standing | None = None
    for fact in facts:
        standing = follow(standing, fact)
    assert standing is not None
    return standing


@pytest.mark.parametrize(
    ("facts", "epoch"),
    [
        ((registered,), 0),
        ((by_phone,), 0),
        ((registered, changed), 1),
        ((registered, changed, PasswordChanged(account_id=ANNA, how="reset")), 2),
        ((registered, disabled), 1),
        ((registered, disabled, AccountEnabled(account_id=ANNA, reason="settled")), 1),
        ((registered, RoleChanged(account_id=ANNA, before="viewer", after="support")), 0),
        ((registered, RefreshTokenReused(account_id=ANNA, session_id=LAPTOP)), 0),
    ],
)
def test_a_new_password_and_being_disabled_end_all_sign_ins_for_the_account_and_its_standing_alike(
    facts: tuple[AccountFact, ...], epoch: int
) -> None:
    assert folded(Account, *facts).sign_in_epoch == epoch
    assert standing_after(*facts).sign_in_epoch == epoch


def test_an_account_by_phone_has_a_standing() -> None:
    assert standing_after(by_phone).role == "viewer"
