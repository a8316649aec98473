"""Settling all customers of an account, on behalf of somebody who waits for what came of a command."""

from uuid import UUID

from application.convergence import Convergence, HeldUp
from application.errors import CustomerGone
from application.ports.inbox import Customer
from application.recall import Asked
from domain.account.account import Account


async def settle_account_now(convergence: Convergence, account_id: UUID, asked: Asked) -> None:
    """Ask about each customer in turn, since which one a subscription or a payment belongs to is the provider's to say.

    What is held up of a customer is the worker's to come back to, and one that is gone keeps nobody from the others.

    Raises:
        ProviderUnavailable, StreamMoved; CustomerGone when all of them are, and none is known to have been deleted.
    """
    account = (await convergence.records.recall(Account, account_id)).existing()
    provider = convergence.billing.name
    gone: list[CustomerGone] = []
    customer_ids = account.customers_at(provider).bound
    for customer_id in customer_ids:
        try:
            await convergence.settle_now(Customer(provider, customer_id), asked)
        except HeldUp:
            continue
        except CustomerGone as trouble:
            gone.append(trouble)
    if gone and len(gone) == len(customer_ids):
        raise gone[0]
