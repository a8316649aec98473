"""Refunds: never more than was paid, each one once, whatever is heard of it."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace as replaced

from adapters.memory.billing import MemoryBilling
from application.errors import NotFound, ProviderRefused, ProviderUnavailable
from application.ports.billing import CustomerTruth
from application.ports.inbox import Customer
from application.recall import Records
from domain.payment.payment import Payment, PaymentSucceeded
from domain.payment.refunding import RefundExceedsPayment, request_refund
from domain.payment.refunds import RefundRequested
from domain.payment.truth import ProviderRefund
from domain.shared.money import Money
from tests.application.house import BY_ADMIN, House
from tests.application.interruptions import InterruptedLedger, asking
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio


class RefusingThenDown(MemoryBilling):
    """A provider that refuses a refund, and then has no time to say why."""

    def __init__(self, house: House) -> None:
        super().__init__(house.business_time)
        self.__dict__.update(house.billing.__dict__)

    async def truth_of(self, customer_id: str, *, within_seconds: float | None = None) -> CustomerTruth:
        raise ProviderUnavailable("Not now.")


async def paid(house: House) -> tuple[UUID, Customer]:
    """What Anna has paid for a month of Cooking: 9.99 dollars."""
    customer = await house.subscribes(await house.registers(), await house.sells())
    [payment] = [fact for fact in await house.facts() if isinstance(fact, PaymentSucceeded)]
    return payment.payment_id, customer


async def refund(house: House, payment_id: UUID, amount: int | None = None) -> Money:
    given = await house.refunds.refund(payment_id, amount=amount, reason="No sound", asked=BY_ADMIN)
    return given.refundable


async def given_back(house: House, customer: Customer) -> list[int]:
    [payment] = (await house.billing.truth_of(customer.customer_id)).payments
    return [one.amount.amount for one in payment.refunds]


async def test_all_of_it_goes_back_where_no_amount_is_named(house: House) -> None:
    payment_id, customer = await paid(house)
    head = await house.ledger.head()

    left = await refund(house, payment_id)

    assert left == Money(0, "USD")
    assert await given_back(house, customer) == [999]
    assert await house.tags(after=head) == [
        "payment.refund_requested",
        "payment.refund_accepted",
        "subscription.access_revoked",
        "payment.refunded",
    ]
    requested = (await house.facts(after=head))[0]
    assert isinstance(requested, RefundRequested)
    assert (requested.reason, requested.actor) == ("No sound", BY_ADMIN.actor)
    assert await house.intents.unsettled() == 0


async def test_in_parts_it_is_never_more_than_was_paid(house: House) -> None:
    payment_id, customer = await paid(house)

    assert await refund(house, payment_id, 400) == Money(599, "USD")
    with pytest.raises(RefundExceedsPayment) as refused:
        await refund(house, payment_id, 600)
    assert refused.value.more["refundable"] == Money(599, "USD")
    assert await refund(house, payment_id) == Money(0, "USD")
    with pytest.raises(RefundExceedsPayment):
        await refund(house, payment_id)

    assert await given_back(house, customer) == [400, 599]


async def test_of_several_at_once_only_as_many_as_there_is_money_for(house: House) -> None:
    payment_id, customer = await paid(house)

    came = await asyncio.gather(*(refund(house, payment_id, 400) for _ in range(5)), return_exceptions=True)

    assert sum(isinstance(one, Money) for one in came) == 2
    assert sum(isinstance(one, RefundExceedsPayment) for one in came) == 3
    assert await given_back(house, customer) == [400, 400]


async def test_what_is_no_payment_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        await refund(house, UUID(int=404))


async def test_with_the_provider_down_it_goes_back_when_it_is_there_again(house: House) -> None:
    payment_id, customer = await paid(house)
    house.billing.down = True
    with pytest.raises(ProviderUnavailable):
        await refund(house, payment_id)
    with pytest.raises(RefundExceedsPayment):
        await refund(house, payment_id)
    house.billing.down = False

    assert await house.janitor_comes() == 1

    assert await given_back(house, customer) == [999]
    assert await house.intents.unsettled() == 0


async def test_one_that_was_given_and_not_heard_of_is_not_given_again(house: House) -> None:
    payment_id, customer = await paid(house)
    house.billing.answers_lost = True
    with pytest.raises(ProviderUnavailable):
        await refund(house, payment_id, 400)
    house.billing.answers_lost = False

    assert await house.janitor_comes() == 1

    assert await given_back(house, customer) == [400]
    assert (await house.tags()).count("payment.refunded") == 1


async def test_nor_a_day_later_when_its_key_is_forgotten(house: House) -> None:
    payment_id, customer = await paid(house)
    house.billing.answers_lost = True
    with pytest.raises(ProviderUnavailable):
        await refund(house, payment_id, 400)
    house.billing.answers_lost = False
    house.billing.forget_keys()
    await house.moves_to(MONDAY + days(1))

    assert await house.janitor_comes() == 1

    assert await given_back(house, customer) == [400]
    assert "payment.refund_accepted" in await house.tags()


async def test_one_that_was_recorded_before_its_worker_died_is_done_with(house: House) -> None:
    payment_id, customer = await paid(house)
    await refund(house, payment_id, 400)
    [intent] = [fact for fact in await house.facts() if isinstance(fact, RefundRequested)]
    house.tables.insert(
        "intents", {"key": intent.idempotency_key, "stream": payment_id, "due_at": house.real_time.now()}
    )
    house.billing.forget_keys()

    assert await house.janitor_comes() == 1

    assert await given_back(house, customer) == [400]


async def test_what_the_provider_refuses_is_free_to_be_refunded_again(house: House) -> None:
    payment_id, customer = await paid(house)
    [payment] = (await house.billing.truth_of(customer.customer_id)).payments
    house.billing.forget(customer.customer_id, payment)
    with pytest.raises(ProviderRefused):
        await refund(house, payment_id)
    assert (await house.tags())[-1] == "payment.refund_refused"

    house.billing.tell(customer.customer_id, payment)
    assert await refund(house, payment_id) == Money(0, "USD")


async def refunded_elsewhere(house: House, customer: Customer) -> None:
    """All of it, and nobody told us."""
    [payment] = (await house.billing.truth_of(customer.customer_id)).payments
    back = ProviderRefund(reference="refund_elsewhere", amount=payment.amount)
    house.billing.tell(customer.customer_id, replaced(payment, refunds=(back,)))


async def test_one_that_is_refused_since_its_money_went_back_unheard_has_that_heard_at_once(house: House) -> None:
    payment_id, customer = await paid(house)
    await refunded_elsewhere(house, customer)
    head = await house.ledger.head()

    with pytest.raises(ProviderRefused):
        await refund(house, payment_id)

    assert await house.tags(after=head) == [
        "payment.refund_requested",
        "payment.refund_refused",
        "subscription.access_revoked",
        "payment.refunded",
    ]
    assert await house.intents.unsettled() == 0
    with pytest.raises(RefundExceedsPayment):
        await refund(house, payment_id)


async def test_where_that_cannot_be_heard_at_once_it_is_refused_all_the_same_and_heard_later(house: House) -> None:
    payment_id, customer = await paid(house)
    await refunded_elsewhere(house, customer)
    billing = RefusingThenDown(house)
    house.refunds = replace(house.refunds, billing=billing, convergence=asking(house.convergence, billing))
    with pytest.raises(ProviderRefused):
        await refund(house, payment_id)
    assert "payment.refunded" not in await house.tags()

    assert await house.janitor_comes() == 1

    assert (await house.tags()).count("payment.refunded") == 1
    assert await house.intents.unsettled() == 0


async def test_of_a_customer_who_is_not_known_the_refusal_is_what_is_said(house: House) -> None:
    payment_id, customer = await paid(house)
    await refunded_elsewhere(house, customer)
    house.billing.gone.add(customer.customer_id)

    with pytest.raises(ProviderRefused, match="Only 0 of"):
        await refund(house, payment_id)

    assert await house.intents.unsettled() == 0


async def test_one_that_was_given_and_is_seen_before_it_is_heard_of_is_counted_once(house: House) -> None:
    payment_id, customer = await paid(house)
    house.billing.answers_lost = True
    with pytest.raises(ProviderUnavailable):
        await refund(house, payment_id, 400)
    house.billing.answers_lost = False

    await house.convergence.settle(customer)

    assert (await house.tags()).count("payment.refund_accepted") == 1
    assert await refund(house, payment_id) == Money(0, "USD")
    assert await given_back(house, customer) == [400, 599]
    await house.moves_to(MONDAY + days(1))
    assert await house.janitor_comes() == 1
    assert await given_back(house, customer) == [400, 599]


async def test_one_that_was_given_is_noted_however_many_write_at_the_same_moment(house: House) -> None:
    payment_id, customer = await paid(house)

    async def another_admin_asks() -> None:
        await house.records.decide(
            Payment,
            payment_id,
            BY_ADMIN,
            lambda it: request_refund(it, amount=1, reason="A cent", idempotency_key=str(uuid4())),
        )

    ledger = InterruptedLedger(house.ledger, *10 * [another_admin_asks])
    records = Records(ledger, house.records.identifiers)

    given = await replace(house.refunds, records=records).refund(
        payment_id, amount=100, reason="No sound", asked=BY_ADMIN
    )

    assert given.refundable == Money(999 - 100 - 10, "USD")
    assert (await house.tags()).count("payment.refund_accepted") == 1
    assert await given_back(house, customer) == [100]
