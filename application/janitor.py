"""The janitor: settles intents whose outcome nobody has waited for."""

import asyncio
import logging
from dataclasses import dataclass
from typing import assert_never

from application.checkouts import Checkouts
from application.customer_deletions import CustomerDeletions
from application.errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from application.intentions import Intent, Intentions
from application.ports.intents import OpenIntent
from application.recall import Asked
from application.refunds import Refunds
from application.subscription_commands import SubscriptionCommands
from domain.account.customers import CustomerDeletionRequested
from domain.payment.refunds import RefundRequested
from domain.shared.fact import Actor, Cause
from domain.subscription.checkout import CheckoutRequested
from domain.subscription.facts import CancellationRequested, PlanChangeRequested, ResumptionRequested

log = logging.getLogger(__name__)

AT_ONCE = 4
LEASE_SECONDS = 300.0
"""Longer than one of them may take, with all that go before it."""
RETRY_DELAYS_SECONDS = (60.0, 300.0, 1800.0, 7200.0, 6 * 3600.0, 12 * 3600.0, 24 * 3600.0, 24 * 3600.0)
"""Beyond a day: an answer that failed may be repeated for as long as its key is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Janitor:
    """Any number of workers may call it; each intent is settled by one of them at a time."""

    intentions: Intentions
    checkouts: Checkouts
    subscriptions: SubscriptionCommands
    refunds: Refunds
    customers: CustomerDeletions

    async def settle_due(self, *, limit: int = 20) -> int:
        """See to those that are due, several at once, and say how many were settled."""
        taken = await self.intentions.intents.take_due(limit=limit, seconds=LEASE_SECONDS)
        at_once = asyncio.Semaphore(AT_ONCE)

        async def settle_one(open_intent: OpenIntent) -> bool:
            async with at_once:
                return await self._settle_or_note(open_intent)

        return sum(await asyncio.gather(*map(settle_one, taken)))

    async def _settle_or_note(self, open_intent: OpenIntent) -> bool:
        try:
            await self._settle(open_intent)
        except ProviderRefused as refused:
            log.warning("nothing comes of an intent: %s", refused, extra={"intent": open_intent.key})
        except ProviderBusy:
            return False  # Its turn comes again when nobody has it any more, and no try has failed.
        except ProviderUnavailable as trouble:
            log.warning("an intent is put off: %s", trouble, extra={"intent": open_intent.key})
            await self._retry_later(open_intent, str(trouble))
            return False
        except Exception as trouble:
            log.exception("an intent could not be settled", extra={"intent": open_intent.key})
            await self._retry_later(open_intent, repr(trouble))
            return False
        return True

    async def _retry_later(self, open_intent: OpenIntent, error: str) -> None:
        await self.intentions.intents.retry_later(open_intent.key, error=error, delays_seconds=RETRY_DELAYS_SECONDS)

    async def _settle(self, open_intent: OpenIntent) -> None:
        intent, since = await self.intentions.by_key(open_intent.stream, open_intent.key)
        assert intent is not None, "the row came with its fact"
        asked = _asked_by(intent)
        match intent:
            case CheckoutRequested():
                await self.checkouts.settle(intent, asked)
            case RefundRequested():
                await self.refunds.settle(intent, asked)
            case CustomerDeletionRequested():
                await self.customers.settle(intent, asked)
            case CancellationRequested() | ResumptionRequested() | PlanChangeRequested():
                await self.subscriptions.settle(intent, since, asked)
            case _:
                assert_never(intent)


def _asked_by(intent: Intent) -> Asked:
    return Asked(Actor("system", "janitor"), Cause("fact", str(intent.position)))
