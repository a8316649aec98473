"""Anna as the provider knows her: how stories of convergence begin, and pieces of what it may say."""

from uuid import UUID

from msgspec.structs import replace

from application.ports.billing import SeenSubscription
from application.ports.inbox import Customer
from domain.payment.truth import ProviderPayment
from domain.shared.identity import derived_id
from domain.shared.money import Money
from domain.subscription.facts import CancellationRequested
from domain.subscription.subscription import Subscription
from tests.application.house import BY_ADMIN, House
from tests.people import ANNA, MONDAY, days


async def bound(house: House) -> Customer:
    """Anna with a customer of hers, who has not bought anything."""
    anna, plan = await house.registers(), await house.sells()
    await house.opens_checkout(anna, plan)
    return await house.customer_of(anna)


async def subscribed(house: House) -> Customer:
    return await house.subscribes(await house.registers(), await house.sells())


def stream_of(seen: SeenSubscription) -> UUID:
    return derived_id("subscription", "memory", seen.reference)


def failed_payment(subscription: str | None = None, *, reference: str = "in_march") -> ProviderPayment:
    return ProviderPayment(
        provider="memory",
        reference=reference,
        subscription_reference=subscription,
        amount=Money(999, "USD"),
        status="failed",
        attempts=1,
        paid_at=None,
        next_attempt_at=MONDAY + days(3),
        receipt_url=None,
    )


async def bought(house: House) -> SeenSubscription:
    """A subscription at a price of ours, as the provider would tell it of somebody."""
    clara = await house.registers("clara@example.com")
    seen = await house.subscription_seen(await house.subscribes(clara, await house.sells()))
    return replace(seen, reference="sub_new")


async def bind(house: House, account_id: UUID, customer: Customer) -> None:
    await house.binding.bind(account_id, customer.customer_id, BY_ADMIN)


async def account_of(house: House, customer: Customer) -> UUID:
    return await house.customers.account_of(customer) or ANNA


async def plan_of(house: House, seen: SeenSubscription) -> Subscription:
    return (await house.records.recall(Subscription, stream_of(seen))).existing()


async def wish_for_an_end(house: House, seen: SeenSubscription) -> None:
    """An intent on the subscription's stream, which changes nothing else."""
    wish = CancellationRequested(
        subscription_id=stream_of(seen), account_id=ANNA, at_period_end=True, idempotency_key="cancel-1"
    )
    recalled = await house.records.recall(Subscription, stream_of(seen))
    await house.records.append(BY_ADMIN, (recalled, [wish]))
