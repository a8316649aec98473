"""Refunds: asked for by an admin or by a policy, carried out by the provider, told by convergence."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import msgspec

from application.convergence import Convergence
from application.errors import CustomerGone, ProviderRefused, ProviderUnavailable
from application.intentions import Intentions
from application.ports.billing import BillingProvider
from application.ports.ledger import Position, StreamMoved
from application.recall import Asked, Records
from application.settling import settle_account_now
from domain.payment.payment import Payment
from domain.payment.refunding import accept_refund, refuse_refund, request_refund
from domain.payment.refunds import RefundRefused, RefundRequested
from domain.shared.money import Money


class RefundUnderWay(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that the provider has taken on; `refundable` is what can still be refunded of the payment."""

    payment_id: UUID
    amount: Money
    reason: str
    refundable: Money
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunds:
    """Use cases of refunds."""

    records: Records
    billing: BillingProvider
    convergence: Convergence
    intentions: Intentions

    async def refund(
        self, payment_id: UUID, *, amount: int | Money | None, reason: str, asked: Asked
    ) -> RefundUnderWay:
        """All that is left of the payment, where no amount is named.

        Raises:
            NotFound, PaymentNotRefundable, RefundExceedsPayment, RefundCurrencyDiffers; ProviderRefused;
            ProviderUnavailable: then the intent is recorded, and carried out as soon as the provider answers.
        """
        key = f"refund-{asked.new_id('refund', self.records.identifiers)}"
        requested = await self.intentions.intend(
            Payment,
            payment_id,
            asked,
            lambda it: request_refund(it, amount=amount, reason=reason, idempotency_key=key),
        )
        intents = [fact for fact in requested.facts if isinstance(fact, RefundRequested)]
        if intents:
            intent = intents[0]
            await self.carry_out(intent, asked)
        else:
            intent = await self._asked_before(payment_id, key)
            if await self._is_open(intent):
                await self.carry_out(intent, asked)
        payment = (await self.records.recall(Payment, payment_id)).existing()
        paid = payment.amount or intent.amount
        return RefundUnderWay(
            payment_id=payment_id,
            amount=intent.amount,
            reason=reason,
            refundable=Money(max(0, paid.amount - payment.refunds.spoken_for), paid.currency),
            position=await self.records.ledger.head(),
        )

    async def _asked_before(self, payment_id: UUID, key: str) -> RefundRequested:
        """The intent of an earlier try under this key. Raises ProviderRefused where nothing came of it."""
        intent, since = await self.intentions.by_key(payment_id, key)
        assert isinstance(intent, RefundRequested), "a key is known by its intent"
        for fact in since:
            if isinstance(fact, RefundRefused) and fact.idempotency_key == key:
                raise ProviderRefused(fact.reason)
        return intent

    async def carry_out(self, intent: RefundRequested, asked: Asked) -> None:
        """Raises ProviderUnavailable: the janitor sees to it; ProviderRefused: nothing comes of it."""
        try:
            reference = await self._made_before(intent) or await self.billing.refund(
                intent.provider_reference, amount=intent.amount, idempotency_key=intent.idempotency_key
            )
        except ProviderRefused as refused:
            reason = refused.kept
            await self.records.note(
                Payment, intent.payment_id, asked, lambda it: refuse_refund(it, intent, reason=reason)
            )
            # Its money may have gone back unheard. Where that cannot be asked now the intent is left to the janitor.
            with suppress(ProviderUnavailable):
                await self._hear_and_leave(intent, asked)
            raise
        await self.records.note(
            Payment, intent.payment_id, asked, lambda it: accept_refund(it, intent, refund_reference=reference)
        )
        await self._hear_and_leave(intent, asked)

    async def settle(self, intent: RefundRequested, asked: Asked) -> None:
        """What became of an intent that somebody has left. Raises as `carry_out`."""
        if await self._is_open(intent):
            await self.carry_out(intent, asked)
        else:
            await self._hear_and_leave(intent, asked)

    async def _is_open(self, intent: RefundRequested) -> bool:
        payment = (await self.records.recall(Payment, intent.payment_id)).existing()
        return intent.idempotency_key in payment.refunds.requested

    async def _made_before(self, intent: RefundRequested) -> str | None:
        """After a day the provider has forgotten the key, but not the refund, which carries it."""
        if not self.intentions.is_old(intent):
            return None
        return await self.billing.find_refund(intent.provider_reference, idempotency_key=intent.idempotency_key)

    async def _hear_and_leave(self, intent: RefundRequested, asked: Asked) -> None:
        """What the provider says of its customer now, whatever came of the intent. Raises ProviderUnavailable."""
        # What came of it is on the ledger: what else is new of its customer is the worker's to come back to.
        with suppress(StreamMoved, CustomerGone):
            await settle_account_now(self.convergence, intent.account_id, asked)
        await self.intentions.settled(intent)
