"""Carrying out what was asked of a subscription: by the one who asked, or later by the janitor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from application.convergence import Convergence
from application.errors import ProviderRefused, ProviderUnavailable, SubscriptionMoved
from application.intentions import Intentions, SubscriptionIntent
from application.ports.billing import BillingProvider
from application.ports.ledger import StreamMoved
from application.recall import Asked, Records
from application.settling import settle_account_now
from domain.shared.fact import Fact, Refusal
from domain.subscription.changing import refuse_change
from domain.subscription.facts import (
    CancellationRequested,
    PlanChangeRequested,
    RequestDropped,
    ResumptionRequested,
)
from domain.subscription.subscription import Subscription

TOO_LATE = "It could not be carried out within a day"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCommands:
    """Tells the provider, and has what came of it recorded."""

    records: Records
    billing: BillingProvider
    convergence: Convergence
    intentions: Intentions

    async def carry_out(self, intent: SubscriptionIntent, asked: Asked) -> None:
        """Raises ProviderUnavailable: the janitor sees to it; ProviderRefused: nothing comes of it."""
        subscription = (await self.records.recall(Subscription, intent.subscription_id)).existing()
        try:
            await self._tell(subscription.provider_reference, intent)
        except ProviderRefused as refused:
            await self._drop(intent, refused.kept, asked)
            if isinstance(refused, SubscriptionMoved):
                await self.converge(intent.account_id, asked)
            raise
        await self.converge(intent.account_id, asked)
        await self.intentions.settled(intent)

    async def _tell(self, reference: str, intent: SubscriptionIntent) -> None:
        key = intent.idempotency_key
        match intent:
            case CancellationRequested():
                await self.billing.cancel(reference, at_period_end=intent.at_period_end, idempotency_key=key)
            case ResumptionRequested():
                await self.billing.resume(reference, idempotency_key=key)
            case PlanChangeRequested():
                await self.billing.change_price(
                    reference,
                    before_price_id=intent.before_price_id,
                    price_id=intent.after_price_id,
                    upgrade=intent.upgrade,
                    idempotency_key=key,
                )
            case _:
                assert_never(intent)

    async def converge(self, account_id: UUID, asked: Asked) -> None:
        """Ask the provider about the account's customers, and record the difference.

        Whoever asked is never told that nothing came of it, because others wrote at the same moment.
        """
        try:
            await settle_account_now(self.convergence, account_id, asked)
        except StreamMoved as trouble:
            raise ProviderUnavailable(f"What came of it is not recorded yet: {trouble}") from trouble

    async def settle(self, intent: SubscriptionIntent, since: Sequence[Fact], asked: Asked) -> None:
        """What became of an intent that somebody has left; `since` are the facts after it on its stream.

        What the provider says is looked at first: what is so already is not asked for again, and after a day, when
        the key is forgotten, no plan is changed any more, which might be billed twice; nor one that could not be asked
        to be changed any more, since it is to end, or money went back.

        Raises ProviderUnavailable, ProviderRefused.
        """
        if any(_is_overtaken(intent, fact) for fact in since):
            await self.intentions.settled(intent)
            return
        await self.converge(intent.account_id, asked)
        subscription = (await self.records.recall(Subscription, intent.subscription_id)).existing()
        if _is_so(subscription, intent):
            await self.intentions.settled(intent)
        elif (why_not := self._why_not_now(subscription, intent)) is not None:
            await self._drop(intent, why_not, asked)
        else:
            await self.carry_out(intent, asked)

    def _why_not_now(self, subscription: Subscription, intent: SubscriptionIntent) -> str | None:
        if not isinstance(intent, PlanChangeRequested):
            return None
        if self.intentions.is_old(intent):
            return TOO_LATE
        try:
            refuse_change(subscription, intent.after)
        except Refusal as refusal:
            return str(refusal)
        return None

    async def _drop(self, intent: SubscriptionIntent, reason: str, asked: Asked) -> None:
        key = intent.idempotency_key
        await self.records.note(
            Subscription,
            intent.subscription_id,
            asked,
            lambda it: it.drop_request(idempotency_key=key, reason=reason),
        )
        await self.intentions.settled(intent)


def _is_overtaken(intent: SubscriptionIntent, fact: Fact) -> bool:
    """Asked for something else since, or dropped: nobody wants it any more. An end at once is undone by nobody."""
    match fact:
        case RequestDropped():
            return fact.idempotency_key == intent.idempotency_key
        case PlanChangeRequested():
            return isinstance(intent, PlanChangeRequested)
        case CancellationRequested() | ResumptionRequested():
            at_once = isinstance(intent, CancellationRequested) and not intent.at_period_end
            return not at_once and not isinstance(intent, PlanChangeRequested)
        case _:
            return False


def _is_so(subscription: Subscription, intent: SubscriptionIntent) -> bool:
    if subscription.ended_at is not None:
        return True
    match intent:
        case CancellationRequested():
            return intent.at_period_end and subscription.ends_with_period
        case ResumptionRequested():
            return subscription.ends_at is None and subscription.status != "paused"
        case PlanChangeRequested():
            return subscription.price_id == intent.after_price_id
        case _:
            assert_never(intent)
