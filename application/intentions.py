"""What is asked of the provider is written down first, with its key, and then carried out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from application.errors import NotFound
from application.ports.intents import Intents, UnsettledIntent
from application.ports.ledger import GuardedRow, InsertOnce
from application.ports.world import Clock
from application.recall import Aggregate, Asked, Decided, Recalled, Records, again_when_moved
from domain.account.customers import CustomerDeletionRequested
from domain.payment.refunds import RefundRequested
from domain.shared.fact import Fact
from domain.subscription.checkout import CheckoutRequested
from domain.subscription.facts import CancellationRequested, PlanChangeRequested, ResumptionRequested

HANDS_OFF_SECONDS = 90.0
"""Whoever asked is at it for so long: longer than a call to the provider may take."""
KEYS_KEPT = timedelta(hours=20)
"""A provider remembers a key for 24 hours; from then on the same call again would be another one."""

SubscriptionIntent = CancellationRequested | ResumptionRequested | PlanChangeRequested
Intent = CheckoutRequested | SubscriptionIntent | RefundRequested | CustomerDeletionRequested

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intentions:
    """Each intent is a fact with an `idempotency_key`, and a row until its outcome is known."""

    records: Records
    intents: Intents
    business_time: Clock
    real_time: Clock

    async def intend(
        self,
        aggregate: type[Aggregate[S]],
        stream: UUID,
        asked: Asked,
        decision: Callable[[S], Sequence[Fact]],
        *,
        hands_off_seconds: float = HANDS_OFF_SECONDS,
    ) -> Decided:
        """Decide on an existing stream; after so long the janitor sees to what has not been settled until then.

        Raises NotFound, a Refusal, or StreamMoved at the end.
        """

        async def once() -> Decided:
            recalled = await self.records.recall(aggregate, stream)
            facts = decision(recalled.existing())
            rows = self.rows(recalled, facts, hands_off_seconds=hands_off_seconds)
            return await self.records.append(asked, (recalled, facts), rows=rows)

        return await again_when_moved(once)

    def rows(
        self, recalled: Recalled[Any], facts: Sequence[Fact], *, hands_off_seconds: float = HANDS_OFF_SECONDS
    ) -> list[GuardedRow]:
        """What goes into the append of the intents."""
        due_at = self.real_time.now() + timedelta(seconds=hands_off_seconds)
        return [
            InsertOnce("intents", {"key": fact.idempotency_key, "stream": recalled.stream, "due_at": due_at})
            for fact in facts
            if isinstance(fact, Intent)
        ]

    async def settled(self, intent: Intent) -> None:
        """Its outcome is on the ledger."""
        await self.intents.settled(intent.idempotency_key)

    async def by_key(self, stream: UUID, key: str) -> tuple[Intent | None, Sequence[Fact]]:
        """The intent itself, and what came after it on its stream; None where there is no such fact."""
        facts = await self.records.ledger.read(stream)
        for place, fact in enumerate(facts):
            if isinstance(fact, Intent) and fact.idempotency_key == key:
                return fact, facts[place + 1 :]
        return None, ()

    async def listing(self, *, failed: bool, limit: int) -> Sequence[UnsettledIntent]:
        """What waits for its outcome, or of that what nobody sees to any more; the longest due first."""
        return await self.intents.page(failed=failed, limit=limit)

    async def retry(self, key: str) -> UnsettledIntent:
        """A janitor sees to it at once, as if it had just been left; it asks first what has come of it.

        Raises NotFound where nothing waits with this key.
        """
        again = await self.intents.retry(key)
        if again is None:
            raise NotFound(f"Nothing that was asked for with the key {key} waits for its outcome.")
        return again

    def is_old(self, intent: Intent) -> bool:
        """The provider may have forgotten its key: before any new try it must be looked up what came of it.

        Of one that has just been recorded, and was not read back, the answer is no.
        """
        return self.business_time.now() - intent.recorded_at >= KEYS_KEPT
