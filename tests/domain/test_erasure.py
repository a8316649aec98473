"""An account that is erased: nobody gets in, nothing personal is added, and it cannot be taken back."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from domain.access.access import ANY_PLAN, decide
from domain.access.standing import Standing, follow
from domain.account.account import Account, AccountDisabled, AccountEvent, AccountRegistered
from domain.account.customers import CustomerBound, CustomerDeletionRequested, CustomerGone
from domain.account.erasure import AccountErased, ErasureRequested, PersonalDataErased
from tests.people import ANNA, MONDAY
from tests.scenario import folded, given

TUESDAY = MONDAY + timedelta(days=1)
ERASURE = UUID("00000000-0000-4000-8000-00000000e4a5")
registered = AccountRegistered(account_id=ANNA, email="anna@example.com", name="Anna", role="admin", recorded_at=MONDAY)
requested = ErasureRequested(account_id=ANNA, erasure_id=ERASURE, position=2, recorded_at=MONDAY)
erased = PersonalDataErased(account_id=ANNA, erasure_id=ERASURE)


def test_it_is_asked_for_once() -> None:
    given(Account, registered).when(lambda anna: anna.request_erasure(ERASURE)).then(
        ErasureRequested(account_id=ANNA, erasure_id=ERASURE)
    )
    given(Account, registered, requested).when(lambda anna: anna.request_erasure(ANNA)).then_nothing()


def test_it_is_finished_once_and_never_before_it_was_asked_for() -> None:
    given(Account, registered, requested).when(lambda anna: anna.finish_erasure()).then(erased)
    given(Account, registered, requested, erased).when(lambda anna: anna.finish_erasure()).then_nothing()
    given(Account, registered).when(lambda anna: anna.finish_erasure()).then_nothing()


def test_the_customers_of_who_is_erased_are_to_be_deleted_each_once() -> None:
    first, further, gone = (CustomerBound(account_id=ANNA, provider="stripe", customer_id=f"cus_{n}") for n in range(3))
    deleted = CustomerGone(account_id=ANNA, provider="stripe", customer_id=gone.customer_id, deleted=True)
    unknown = CustomerGone(account_id=ANNA, provider="stripe", customer_id=further.customer_id, deleted=False)
    bound = (registered, first, further, gone, deleted, unknown)
    asked = [
        CustomerDeletionRequested(
            account_id=ANNA, provider="stripe", customer_id=id, idempotency_key=f"delete-stripe-{id}"
        )
        for id in ("cus_0", "cus_1")
    ]

    given(Account, *bound, requested).when(lambda anna: anna.request_customer_deletions()).then_nothing()
    given(Account, *bound, requested, erased).when(lambda anna: anna.request_customer_deletions()).then(*asked)
    given(Account, *bound, requested, erased, *asked).when(
        lambda anna: anna.request_customer_deletions()
    ).then_nothing()


def test_from_the_wish_on_all_sign_ins_are_over_and_the_account_is_shut() -> None:
    account = folded(Account, registered, requested)

    assert (account.sign_in_epoch, account.disabled, account.erased) == (1, True, False)
    assert folded(Account, registered, requested, erased).erased


@pytest.mark.parametrize(
    "act",
    [
        lambda anna: anna.rename("Ann"),
        lambda anna: anna.verify_email("anna@example.com"),
        lambda anna: anna.change_email("ann@example.com"),
        lambda anna: anna.change_phone("+48600100200"),
        lambda anna: anna.change_password("reset"),
        lambda anna: anna.enable(reason="a mistake"),
        lambda anna: anna.change_role("viewer"),
        lambda anna: anna.change_role("admin"),
        lambda anna: anna.grant_access(ANNA, until=TUESDAY, features=(), reason="made good", now=MONDAY),
        lambda anna: anna.block(ANNA, until=None, reason="chargebacks", now=MONDAY),
    ],
)
def test_nothing_personal_no_way_in_and_no_power_is_added(act: Callable[[Account], list[AccountEvent]]) -> None:
    given(Account, registered, requested).when(act).then_refused(AccountErased)


def test_access_ends_with_the_wish_and_says_that_nothing_brings_it_back() -> None:
    standing: Standing | None = None
    for fact in (registered, AccountDisabled(account_id=ANNA, reason="chargebacks", recorded_at=MONDAY), requested):
        standing = follow(standing, fact)

    access = decide(standing, ANY_PLAN, MONDAY)
    assert (access.granted, access.reason, access.otherwise) == (
        False,
        "blocked",
        "Nothing: the account has been erased.",
    )
    assert [fact.position for fact in access.deciding] == [2]
