"""What a customer who was deleted had paid: a refund or a dispute of it has its effect as that of anybody's."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.memory.billing import MemoryBilling
from application.errors import ProviderUnavailable
from application.plans import NewPlan
from application.ports.billing import CustomerTruth
from application.ports.inbox import Customer
from domain.payment.payment import PaymentRefunded, PaymentSucceeded
from domain.payment.truth import ProviderDispute, ProviderPayment, ProviderRefund
from domain.shared.money import Money
from tests.application.anna_at_the_provider import account_of, bind, subscribed
from tests.application.house import House, asked_by
from tests.application.interruptions import asking
from tests.people import MONDAY

pytestmark = pytest.mark.anyio

PRICE = Money(1299, "USD")
THIRTY_DAYS = NewPlan(name="Thirty days", price=PRICE, interval="once", duration_days=30, features=("sd",))
REFUND = ProviderRefund(reference="refund_1", amount=PRICE)
DISPUTE = ProviderDispute(reference="dispute_1", amount=PRICE, stage="lost", reason="fraudulent", opened_at=MONDAY)


async def bought(house: House) -> tuple[UUID, Customer, ProviderPayment]:
    """Anna has paid for thirty days."""
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells(THIRTY_DAYS))
    [payment] = (await house.billing.truth_of(customer.customer_id)).payments
    return anna, customer, payment


def delete(house: House, customer: Customer) -> None:
    house.billing.gone.add(customer.customer_id)
    house.billing.deleted.add(customer.customer_id)


async def comes(house: House, type: str, customer: Customer, *, about: str | None = None) -> None:
    await house.webhooks.receive(*house.billing.delivery(type, customer.customer_id, about=about))
    await house.convergence.settle_waiting()


async def why(house: House, account_id: UUID) -> str:
    return (await house.subscriptions.mine(account_id)).access.reason


async def waiting(house: House) -> list[str]:
    return [row["type"] for row in house.tables.rows("inbox") if row["status"] != "done"]


@pytest.mark.parametrize(
    ("back", "reason"),
    [({"refunds": (REFUND,)}, "refunded"), ({"disputes": (DISPUTE,)}, "disputed")],
    ids=["refunded", "disputed"],
)
@pytest.mark.parametrize("before", [True, False], ids=["before it is heard", "after that"])
async def test_what_went_back_of_it_has_its_effect_whenever_it_comes(
    house: House, back: dict[str, tuple[ProviderRefund | ProviderDispute, ...]], reason: str, *, before: bool
) -> None:
    anna, customer, payment = await bought(house)
    delete(house, customer)
    if not before:
        await comes(house, "customer.deleted", customer)
        assert await why(house, anna) == "prepaid"
    house.billing.tell(customer.customer_id, replace(payment, **back))

    await comes(house, "customer.deleted" if before else "charge.updated", customer)

    assert await why(house, anna) == reason
    assert await waiting(house) == []
    assert (await house.tags()).count("account.customer_gone") == 1


async def test_that_a_refund_failed_gives_it_back(house: House) -> None:
    anna, customer, payment = await bought(house)
    delete(house, customer)
    house.billing.tell(customer.customer_id, replace(payment, refunds=(REFUND,)))
    await comes(house, "charge.refunded", customer)

    house.billing.tell(customer.customer_id, replace(payment, refunds=(replace(REFUND, failed=True),)))
    await comes(house, "refund.failed", customer)

    assert await why(house, anna) == "prepaid"


async def test_where_no_delivery_comes_a_sweep_hears_of_it(house: House) -> None:
    anna, customer, payment = await bought(house)
    delete(house, customer)
    house.billing.unlisted.add(customer.customer_id)
    house.billing.tell(customer.customer_id, replace(payment, refunds=(REFUND,)))
    await house.sweeping.request("a test")

    while await house.sweeping.sweep_next():
        pass

    assert await why(house, anna) == "refunded"


class EmptyLists(MemoryBilling):
    """A provider that refuses nothing about one who was deleted, and lists nothing."""

    def __init__(self, house: House) -> None:
        super().__init__(house.business_time)
        self.__dict__.update(house.billing.__dict__)

    async def truth_of(self, customer_id: str, *, within_seconds: float | None = None) -> CustomerTruth:
        return CustomerTruth((), (), ())


@pytest.mark.parametrize("told", [True, False], ids=["told of", "not told of"])
async def test_where_lists_are_empty_in_the_place_of_being_refused_it_is_the_same(house: House, *, told: bool) -> None:
    anna, customer, payment = await bought(house)
    house.convergence = asking(house.convergence, EmptyLists(house))
    if told:
        await comes(house, "customer.deleted", customer)
    assert await why(house, anna) == "prepaid"
    house.billing.tell(customer.customer_id, replace(payment, refunds=(REFUND,)))

    await comes(house, "charge.refunded", customer)

    assert await why(house, anna) == "refunded"


class Hesitant(MemoryBilling):
    """A provider that says who was deleted, and of payments nothing just now."""

    def __init__(self, house: House) -> None:
        super().__init__(house.business_time)
        self.__dict__.update(house.billing.__dict__)

    async def payments_by(
        self, references: Sequence[str], *, within_seconds: float | None = None
    ) -> Sequence[ProviderPayment]:
        raise ProviderUnavailable("Not now.")


async def test_a_delivery_is_done_only_when_its_payments_have_been_asked_about(house: House) -> None:
    anna, customer, payment = await bought(house)
    delete(house, customer)
    house.billing.tell(customer.customer_id, replace(payment, refunds=(REFUND,)))
    as_it_was = house.convergence
    house.convergence = asking(as_it_was, Hesitant(house))

    await comes(house, "charge.refunded", customer)

    assert await waiting(house) == ["charge.refunded"]
    assert (await house.tags())[-1] == "account.customer_gone"
    with pytest.raises(ProviderUnavailable):
        await house.convergence.settle_now(customer, asked_by(anna))
    house.convergence = as_it_was
    await house.convergence.settle(customer)
    assert (await waiting(house), await why(house, anna)) == ([], "refunded")


async def test_of_what_the_provider_does_not_tell_what_was_known_stays(house: House) -> None:
    anna, customer, payment = await bought(house)
    delete(house, customer)
    house.billing.tell(customer.customer_id, replace(payment, refunds=(REFUND,)))
    await comes(house, "charge.refunded", customer)
    house.billing.forget(customer.customer_id, payment)

    await comes(house, "customer.updated", customer)

    assert await why(house, anna) == "refunded"


async def test_a_payment_of_a_subscription_that_a_delivery_names_is_asked_about_too(house: House) -> None:
    customer = await subscribed(house)
    [payment] = (await house.billing.truth_of(customer.customer_id)).payments
    delete(house, customer)
    await comes(house, "customer.deleted", customer)
    house.billing.tell(customer.customer_id, replace(payment, refunds=(replace(REFUND, amount=payment.amount),)))

    await comes(house, "refund.created", customer, about=payment.reference)

    [refunded] = [fact for fact in await house.facts() if isinstance(fact, PaymentRefunded)]
    assert (refunded.provider_reference, refunded.kept) == (payment.reference, Money(0, "USD"))


async def test_what_has_nothing_to_do_with_us_is_not_recorded(house: House) -> None:
    _, customer, payment = await bought(house)
    delete(house, customer)
    house.billing.tell(customer.customer_id, replace(payment, reference="payment_elsewhere", refunds=(REFUND,)))

    await comes(house, "refund.created", customer, about="payment_elsewhere")

    paid = [fact for fact in await house.facts() if isinstance(fact, PaymentSucceeded)]
    assert [fact.provider_reference for fact in paid] == [payment.reference]


async def test_what_another_customer_of_the_account_bought_is_not_asked_about(house: House) -> None:
    _, customer, _ = await bought(house)
    other = Customer("memory", "customer_of_a_link")
    await bind(house, await account_of(house, customer), other)
    delete(house, other)
    house.convergence = asking(house.convergence, Hesitant(house))

    await comes(house, "customer.deleted", other)

    assert await waiting(house) == []
