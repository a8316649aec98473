"""Dunning: that somebody is to be told of a failing payment is recorded once, whoever comes to it first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.errors import NotYetVisible
from application.ports.ledger import History, HistoryFilter, Recorded
from application.ports.reads import GraceReads, Positions
from application.ports.world import Clock
from application.projections.graces import Grace
from application.recall import Asked, Records, again_when_moved
from domain.payment.dunning import Notice, NoticeFellDue, NoticeKind, attempt_notice_id, grace_notice_id
from domain.payment.payment import PaymentActionRequired, PaymentFailed
from domain.shared.fact import Actor, Cause
from domain.shared.identity import derived_id
from domain.subscription.facts import StatusChanged, SubscriptionEnded
from domain.subscription.subscription import Subscription

PAGE_SIZE = 100
PATIENCE_SECONDS = 5.0
NEVER_BEGAN = frozenset({"incomplete", "incomplete_expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunning:
    """Also plays `DueMoments`: graces end at moments of business time, and are about to a day before."""

    records: Records
    history: History
    graces: GraceReads
    positions: Positions
    business_time: Clock

    async def tell_of_failure(self, fact: PaymentFailed) -> None:
        """Of each attempt at a renewal."""
        await self._tell_of_attempt("payment_failed", fact, about=fact.next_attempt_at)

    async def tell_of_action(self, fact: PaymentActionRequired) -> None:
        """Of each attempt at a renewal, or at an upgrade, that the viewer has to confirm."""
        await self._tell_of_attempt("action_required", fact, about=None)

    async def _tell_of_attempt(
        self, kind: NoticeKind, fact: PaymentFailed | PaymentActionRequired, *, about: datetime | None
    ) -> None:
        """Whose first payment it is stands before the payment page, and sees it."""
        if (subscription_id := _subscription_of(fact)) is None:
            return
        subscription = await self._subscription_at(subscription_id, fact.position)
        if subscription is None or subscription.status in NEVER_BEGAN or subscription.ended_at is not None:
            return
        notice = NoticeFellDue(
            account_id=fact.account_id,
            notice_id=attempt_notice_id(kind, fact.payment_id, fact.attempt),
            kind=kind,
            subscription_id=subscription_id,
            invoice=fact.provider_reference,
            attempt=fact.attempt,
            failing_since=None,
            about=about,
        )
        await self._record(notice, because_of=fact.position)

    async def tell_of_end(self, fact: StatusChanged | SubscriptionEnded) -> None:
        """Where the provider gave up while grace was running; that grace runs out is a due moment."""
        ended_at = fact.ended_at if isinstance(fact, SubscriptionEnded) else fact.changed_at
        if fact.before != "past_due" or (isinstance(fact, StatusChanged) and fact.after != "unpaid"):
            return
        failing = await self._subscription_at(fact.subscription_id, fact.position - 1)
        if failing is not None and failing.grace_since is not None:
            notice = await self._of_grace(
                "access_ended", failing.account_id, failing.id, failing.grace_since, about=ended_at
            )
            await self._record(notice, because_of=fact.position)

    async def _subscription_at(self, subscription_id: UUID, position: int) -> Subscription | None:
        """As it stood when the fact there had been recorded."""
        state: Subscription | None = None
        for fact in await self.records.ledger.read(subscription_id):
            if fact.position <= position:
                state = Subscription.evolve(state, fact)  # type: ignore[arg-type]  # its stream holds no others
        return state

    async def tell_due(self) -> int:
        """Of the graces that are about to end, or have ended: how many notices fell due by this, of a page of them."""
        now = self.business_time.now()
        return sum([await self._tell_of_grace(grace, now) for grace in await self.graces.due(now, limit=PAGE_SIZE)])

    async def _tell_of_grace(self, grace: Grace, now: datetime) -> int:
        kind: NoticeKind = "access_ended" if now >= grace.until else "grace_ending"
        notice = await self._of_grace(kind, grace.account_id, grace.subscription_id, grace.since, about=grace.until)
        return await self._record(notice, because_of=grace.started_position)

    async def _of_grace(
        self, kind: NoticeKind, account_id: UUID, subscription_id: UUID, since: datetime, *, about: datetime
    ) -> NoticeFellDue:
        return NoticeFellDue(
            account_id=account_id,
            notice_id=grace_notice_id(kind, subscription_id, since),
            kind=kind,
            subscription_id=subscription_id,
            invoice=await self._owed(account_id, subscription_id),
            attempt=None,
            failing_since=since,
            about=about,
        )

    async def _owed(self, account_id: UUID, subscription_id: UUID) -> str | None:
        """The provider's id of the invoice that failed last."""
        owed: str | None = None
        async for entry in self.history.entries(HistoryFilter(account=account_id, type=PaymentFailed.tag())):
            failed = entry.fact if isinstance(entry, Recorded) else None
            if isinstance(failed, PaymentFailed) and _subscription_of(failed) == subscription_id:
                owed = failed.provider_reference
        return owed

    async def _record(self, notice: NoticeFellDue, *, because_of: int) -> int:
        """1, or 0 where it fell due before."""
        asked = Asked(Actor("system", "dunning"), Cause("fact", str(because_of)))

        async def once() -> int:
            recalled = await self.records.recall(Notice, notice.notice_id)
            decided = await self.records.append(asked, (recalled, Notice.fall_due(recalled.state, notice)))
            return len(decided.facts)

        return await again_when_moved(once)

    async def next_due(self, *, until: datetime) -> datetime | None:
        """The next moment up to then at which there is something to tell. Raises NotYetVisible."""
        await self._see_everything()
        soonest = await self.graces.due(until, limit=1)
        return soonest[0].due_at if soonest else None

    async def advance(self, to: datetime | None) -> None:
        """Tell what there is to be told by now; business time has come to that moment. Raises NotYetVisible."""
        if to is None:
            return
        await self._see_everything()
        while await self.tell_due():
            await self._see_everything()

    async def _see_everything(self) -> None:
        if not await self.positions.wait_for(await self.positions.head(), timeout_seconds=PATIENCE_SECONDS):
            raise NotYetVisible("The read models have not reached the ledger's head.")


def _subscription_of(fact: PaymentFailed | PaymentActionRequired) -> UUID | None:
    reference = fact.subscription_reference
    return derived_id("subscription", fact.provider, reference) if reference else None
