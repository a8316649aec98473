"""An account: registered, given a role, bound to a customer once, disabled and enabled."""

import pytest

from domain.account.account import (
    Account,
    AccountDisabled,
    AccountEnabled,
    AccountEvent,
    AccountRegistered,
    Role,
    RoleChanged,
)
from domain.account.customers import CUSTOMERS_MAX, CustomerBound, CustomerGone, Customers, TooManyCustomers
from tests.people import ANNA, MONDAY
from tests.scenario import folded, given, nothing_yet

registered = AccountRegistered(
    account_id=ANNA, email="anna@example.com", name="Anna", role="viewer", recorded_at=MONDAY
)
bound = CustomerBound(account_id=ANNA, provider="stripe", customer_id="cus_anna")
disabled = AccountDisabled(account_id=ANNA, reason="chargebacks")
enabled = AccountEnabled(account_id=ANNA, reason="settled")


def further(number: int) -> CustomerBound:
    """One more customer, such as a payment link makes."""
    return CustomerBound(account_id=ANNA, provider="stripe", customer_id=f"cus_{number}")


def test_anna_registers_as_a_viewer() -> None:
    nothing_yet().when(lambda _: Account.register(account_id=ANNA, email="anna@example.com", name="Anna")).then(
        AccountRegistered(account_id=ANNA, email="anna@example.com", name="Anna", role="viewer")
    )


def test_a_name_is_hers_to_give() -> None:
    nothing_yet().when(lambda _: Account.register(account_id=ANNA, email="anna@example.com", name=None)).then(
        AccountRegistered(account_id=ANNA, email="anna@example.com", name=None, role="viewer")
    )


def test_she_has_an_account_since_it_was_recorded() -> None:
    account = folded(Account, registered)

    assert (account.id, account.email, account.name, account.role) == (ANNA, "anna@example.com", "Anna", "viewer")
    assert account.created_at == MONDAY


@pytest.mark.parametrize("role", ["support", "auditor", "admin"])
def test_a_role_changes_and_the_fact_says_from_what(role: Role) -> None:
    given(Account, registered).when(lambda anna: anna.change_role(role)).then(
        RoleChanged(account_id=ANNA, before="viewer", after=role)
    )


def test_the_role_that_she_has_is_no_change() -> None:
    promoted = RoleChanged(account_id=ANNA, before="viewer", after="support")

    given(Account, registered).when(lambda anna: anna.change_role("viewer")).then_nothing()
    given(Account, registered, promoted).when(lambda anna: anna.change_role("support")).then_nothing()


def test_she_is_bound_to_a_customer_at_a_provider() -> None:
    given(Account, registered).when(lambda anna: anna.bind_customer(provider="stripe", customer_id="cus_anna")).then(
        bound
    )


def test_bound_to_the_same_customer_again_nothing_happens() -> None:
    given(Account, registered, bound).when(
        lambda anna: anna.bind_customer(provider="stripe", customer_id="cus_anna")
    ).then_nothing()


def test_the_customer_that_was_bound_first_stays_the_first() -> None:
    given(Account, registered, bound).when(
        lambda anna: anna.bind_customer(provider="stripe", customer_id="cus_1")
    ).then(further(1))
    given(Account, registered, bound, further(1)).when(
        lambda anna: anna.bind_customer(provider="stripe", customer_id="cus_1")
    ).then_nothing()
    anna = folded(Account, registered, bound, further(1), further(2))
    assert anna.customers == {"stripe": Customers(("cus_anna", "cus_1", "cus_2"))}
    assert anna.customers_at("stripe").buyer == "cus_anna"
    assert anna.customers_at("razorpay") == Customers()


def gone(customer_id: str, *, deleted: bool) -> CustomerGone:
    return CustomerGone(account_id=ANNA, provider="stripe", customer_id=customer_id, deleted=deleted)


def test_in_the_place_of_a_customer_that_is_gone_the_next_one_buys_and_it_stays_hers() -> None:
    known = [registered, bound, further(1)]
    anna = folded(Account, *known, gone("cus_anna", deleted=False))
    assert anna.customers_at("stripe").buyer == "cus_1"
    assert ("stripe", "cus_anna") in anna.every_customer()
    none_left = folded(Account, *known, gone("cus_anna", deleted=False), gone("cus_1", deleted=True))
    assert none_left.customers_at("stripe").buyer is None


def test_bound_again_one_that_was_not_known_is_there_and_one_that_was_deleted_is_not() -> None:
    known = [registered, bound, further(1)]
    unknown, deleted = (gone("cus_anna", deleted=each) for each in (False, True))

    def bind_again(anna: Account) -> list[AccountEvent]:
        return anna.bind_customer(provider="stripe", customer_id="cus_anna")

    given(Account, *known, unknown).when(bind_again).then(bound)
    given(Account, *known, deleted).when(bind_again).then_nothing()
    given(Account, *known, unknown, bound).when(bind_again).then_nothing()
    anna = folded(Account, *known, unknown, bound)
    assert anna.customers_at("stripe") == Customers(("cus_anna", "cus_1"))
    full = [registered, bound, *[further(number) for number in range(1, CUSTOMERS_MAX)]]
    given(Account, *full, unknown).when(bind_again).then(bound)


def test_that_a_customer_is_gone_is_noted_once_and_once_more_when_it_was_deleted() -> None:
    unknown, deleted = (gone("cus_anna", deleted=each) for each in (False, True))

    def noted(anna: Account, *, deleted: bool) -> list[AccountEvent]:
        return anna.note_customer_gone(provider="stripe", customer_id="cus_anna", deleted=deleted)

    given(Account, registered, bound).when(lambda anna: noted(anna, deleted=False)).then(unknown)
    given(Account, registered, bound, unknown).when(lambda anna: noted(anna, deleted=False)).then_nothing()
    given(Account, registered, bound, unknown).when(lambda anna: noted(anna, deleted=True)).then(deleted)
    given(Account, registered, bound, deleted).when(lambda anna: noted(anna, deleted=False)).then_nothing()
    given(Account, registered).when(lambda anna: noted(anna, deleted=True)).then_nothing()


def test_an_account_has_twenty_customers_of_one_provider_at_most() -> None:
    full = [registered, bound, *[further(number) for number in range(1, CUSTOMERS_MAX)]]

    given(Account, *full).when(
        lambda anna: anna.bind_customer(provider="stripe", customer_id=f"cus_{CUSTOMERS_MAX - 1}")
    ).then_nothing()
    refusal = (
        given(Account, *full)
        .when(lambda anna: anna.bind_customer(provider="stripe", customer_id="cus_one_more"))
        .then_refused(TooManyCustomers)
    )

    assert refusal.code == "too_many_customers"
    given(Account, *full[:-1]).when(
        lambda anna: anna.bind_customer(provider="stripe", customer_id=f"cus_{CUSTOMERS_MAX - 1}")
    ).then(full[-1])


def test_each_provider_has_a_customer_of_its_own() -> None:
    also = CustomerBound(account_id=ANNA, provider="razorpay", customer_id="cust_anna")

    given(Account, registered, bound).when(
        lambda anna: anna.bind_customer(provider="razorpay", customer_id="cust_anna")
    ).then(also)
    assert folded(Account, registered, bound, also).every_customer() == [
        ("stripe", "cus_anna"),
        ("razorpay", "cust_anna"),
    ]


def test_a_disabled_account_is_not_disabled_again() -> None:
    given(Account, registered).when(lambda anna: anna.disable(reason="chargebacks")).then(disabled)
    given(Account, registered, disabled).when(lambda anna: anna.disable(reason="again")).then_nothing()


def test_only_a_disabled_account_is_enabled() -> None:
    given(Account, registered).when(lambda anna: anna.enable(reason="settled")).then_nothing()
    given(Account, registered, disabled).when(lambda anna: anna.enable(reason="settled")).then(enabled)
    given(Account, registered, disabled, enabled).when(lambda anna: anna.enable(reason="again")).then_nothing()
    assert folded(Account, registered, disabled).disabled
    assert not folded(Account, registered, disabled, enabled).disabled


def test_of_an_erased_person_the_account_is_left() -> None:
    erased = AccountRegistered(account_id=ANNA, email=None, name=None, role="viewer", recorded_at=MONDAY)

    account = folded(Account, erased, bound)

    assert (account.email, account.name) == (None, None)
    assert account.customers == {"stripe": Customers(("cus_anna",))}
