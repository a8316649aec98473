"""Checkout: a viewer asks to buy a plan and is sent to the provider's payment page, one at a time."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.buying import Buying, is_open
from application.convergence import Convergence
from application.errors import CustomerGone, ProviderRefused
from application.intentions import KEYS_KEPT, Intentions
from application.ports.billing import BillingProvider, CheckoutPage
from application.ports.checkouts import CheckoutTurns
from application.ports.ledger import GuardedRow, Position, RowMoved, RowTaken, StreamMoved
from application.ports.reads import AccessReads
from application.ports.world import Clock, Identifiers
from application.recall import Asked, Recalled, Records
from application.return_urls import ReturnUrls
from application.settling import settle_account_now
from application.trials import Trials, has_had_one
from domain.access.access import ANY_PLAN, AccountBlocked, decide
from domain.access.prepaid import prepaid_until
from domain.access.standing import Standing
from domain.account.account import Account
from domain.account.customers import Customers
from domain.plan.plan import Plan
from domain.prepaid.prepaid import RENEWAL_WINDOW, RenewalWindowClosed
from domain.shared.plan_terms import PlanTerms
from domain.subscription.checkout import Checkout, CheckoutRequested
from domain.subscription.subscription import AlreadySubscribed

TURNS_MAX = 4
NEVER_OPENED = "It was asked for a day ago and the provider knows nothing of it"
ERASED = "The account has been erased"


class OpenedCheckout(msgspec.Struct, frozen=True, kw_only=True):
    """Where the viewer pays, until when, and where the ledger stands."""

    checkout_id: UUID
    url: str
    expires_at: datetime
    position: Position


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sold today to the one who asks."""

    plan: PlanTerms
    price_id: str
    trial_days: int
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkouts:
    """Use cases of checkout."""

    records: Records
    billing: BillingProvider
    convergence: Convergence
    buying: Buying
    turns: CheckoutTurns
    trials: Trials
    intentions: Intentions
    access: AccessReads
    identifiers: Identifiers
    business_time: Clock
    return_urls: ReturnUrls

    async def open(
        self, account_id: UUID, plan_id: UUID, *, success_url: str | None, cancel_url: str | None, asked: Asked
    ) -> OpenedCheckout:
        """Record the intent, make the provider's customer where there is none, open the page, record that it is open.

        An account has one page: asked again for the same it is that page, with the return addresses that it has, and
        for something else it is expired first.

        Raises:
            ReturnUrlNotAllowed, AlreadySubscribed, RenewalWindowClosed, AccountBlocked, PlanNotForSale, NotFound,
            ProviderUnavailable, ProviderRefused; StreamMoved when others kept asking for something else.
        """
        success_url = self.return_urls.own(success_url, otherwise="/checkout/success")
        cancel_url = self.return_urls.own(cancel_url, otherwise="/checkout/cancelled")
        standing = await self._without_subscription(account_id, asked)
        plan = (await self.records.recall(Plan, plan_id)).existing()
        if plan.duration_days is not None:
            self._refuse_too_early(standing)
        wanted = Wanted(
            plan=plan.terms,
            price_id=plan.price_for_sale(self.billing.name),
            trial_days=0 if plan.duration_days or has_had_one(standing) else plan.trial_days,
            success_url=success_url,
            cancel_url=cancel_url,
        )
        return await self._opened(await self._turn_of(account_id, wanted, asked), asked)

    async def _without_subscription(self, account_id: UUID, asked: Asked) -> Standing | None:
        """The buyer's standing; one who has a subscription that is not over would pay twice."""
        # News may have been lost, of a payment (then she would pay twice) or of an end (then she would be locked out).
        await self._settle(account_id, asked)
        standing = await self.access.standing(account_id)
        answer = decide(standing, ANY_PLAN, self.business_time.now())
        if answer.reason == "blocked":
            raise AccountBlocked("This account is blocked.", access=answer)
        if standing and any(is_open(term) for term in standing.terms.values()):
            raise AlreadySubscribed("There is a live subscription already.", access=answer)
        return standing

    async def _settle(self, account_id: UUID, asked: Asked) -> None:
        """Where the provider has none of the account's customers any more, what is recorded counts."""
        with suppress(CustomerGone):
            await settle_account_now(self.convergence, account_id, asked)

    def _refuse_too_early(self, standing: Standing | None) -> None:
        """What was bought for a number of days is bought again shortly before its end."""
        now = self.business_time.now()
        until = prepaid_until(standing.prepaid) if standing else None
        if until is not None and until - now > RENEWAL_WINDOW:
            again = until - RENEWAL_WINDOW
            raise RenewalWindowClosed(
                f"More than 30 days are left; it can be bought again from {again:%Y-%m-%d %H:%M} UTC on.",
                access=decide(standing, ANY_PLAN, now),
            )

    async def _turn_of(self, account_id: UUID, wanted: Wanted, asked: Asked) -> Checkout:
        """The account's one checkout, which sells what is wanted: the one that is there, or a new one."""
        for _ in range(TURNS_MAX):
            wanted, held = await self._with_trial(account_id, wanted)
            current_id = await self.turns.current(account_id)
            if current_id is not None:
                current = (await self.records.recall(Checkout, current_id)).existing()
                if self._may_be_paid(current):
                    is_same = current.sells(wanted.plan, price_id=wanted.price_id, trial_days=wanted.trial_days)
                    if is_same and not await self._may_be_of_one_gone(current):
                        return current
                    await self._make_way(current, asked)
            with suppress(RowTaken, RowMoved):
                return await self._request(account_id, wanted, asked, after=current_id, held=held)
        raise StreamMoved("Somebody else kept opening other checkouts of this account.")

    async def _with_trial(self, account_id: UUID, wanted: Wanted) -> tuple[Wanted, Sequence[GuardedRow]]:
        """None where it is somebody else's; else the rows by which it is this account's."""
        held = await self.trials.offered_to(account_id) if wanted.trial_days else ()
        return (replace(wanted, trial_days=0), ()) if held is None else (wanted, held)

    def _may_be_paid(self, checkout: Checkout) -> bool:
        """Open, or about to be. The provider has just been asked: one that it does not know after a day is nowhere."""
        now = self.business_time.now()
        if checkout.status == "requested":
            return now - checkout.requested_at < KEYS_KEPT
        return checkout.page_at(now) is not None

    async def _may_be_of_one_gone(self, checkout: Checkout) -> bool:
        """Its page was opened before one of the account's customers was known to be gone: it may be that one's."""
        gone_at = (await self._customers_of(checkout.account_id)).last_gone_at
        return checkout.page is not None and checkout.page.opened_at < gone_at

    async def _make_way(self, checkout: Checkout, asked: Asked) -> None:
        """Nobody can pay on its page any more. Raises AlreadySubscribed where somebody just has."""
        try:
            page = checkout.page
            reference = page.provider_reference if page else (await self._page(checkout, asked)).reference
        except ProviderRefused:
            return
        with suppress(CustomerGone):  # Nobody pays as one who is gone.
            if await self.billing.expire_checkout(reference) == "completed":
                await self._without_subscription(checkout.account_id, asked)
        await self.records.decide(Checkout, checkout.id, asked, lambda it: it.expire(provider_reference=reference))

    async def _request(
        self, account_id: UUID, wanted: Wanted, asked: Asked, *, after: UUID | None, held: Sequence[GuardedRow]
    ) -> Checkout:
        """The intent, with the account's turn and trial. Raises RowTaken, RowMoved: somebody else has one of them."""
        checkout_id = self.identifiers.new()
        unmade = Recalled[Checkout](checkout_id, None, 0)
        facts = Checkout.request(
            checkout_id=checkout_id,
            account_id=account_id,
            provider=self.billing.name,
            plan=wanted.plan,
            price_id=wanted.price_id,
            trial_days=wanted.trial_days,
            success_url=wanted.success_url,
            cancel_url=wanted.cancel_url,
            idempotency_key=f"checkout-{checkout_id}",
        )
        rows = [self.turns.take(account_id, checkout_id, after=after), *held, *self.intentions.rows(unmade, facts)]
        await self.records.append(asked, (unmade, facts), rows=rows)
        return (await self.records.recall(Checkout, checkout_id)).existing()

    async def _opened(self, checkout: Checkout, asked: Asked) -> OpenedCheckout:
        """Its page, opened now where it is not; by two at once it is opened once, since both use its key."""
        page = checkout.page_at(self.business_time.now())
        if page is not None:
            position = await self.records.ledger.head()
            return OpenedCheckout(checkout_id=checkout.id, url=page.url, expires_at=page.expires_at, position=position)
        made = await self._page(checkout, asked)
        opened = await self.records.decide(
            Checkout,
            checkout.id,
            asked,
            lambda it: it.open(provider_reference=made.reference, url=made.url, expires_at=made.expires_at),
        )
        await self.intentions.intents.settled(checkout.idempotency_key)
        return OpenedCheckout(
            checkout_id=checkout.id, url=made.url, expires_at=made.expires_at, position=opened.position
        )

    async def _page(self, checkout: Checkout, asked: Asked) -> CheckoutPage:
        """By the checkout's own words alone, so that asking again is asking the same."""

        async def as_customer(customer_id: str) -> CheckoutPage:
            return await self.billing.open_checkout(
                checkout_id=checkout.id,
                account_id=checkout.account_id,
                customer_id=customer_id,
                price_id=checkout.price_id,
                recurring=checkout.plan.interval != "once",
                trial_days=checkout.trial_days,
                success_url=checkout.success_url,
                cancel_url=checkout.cancel_url,
                idempotency_key=await self._key_for(checkout, customer_id),
            )

        try:
            return await self.buying.as_buyer(checkout.account_id, as_customer, asked, price_id=checkout.price_id)
        except ProviderRefused as refused:
            await self._fail(checkout, refused.kept, asked)
            raise

    async def _key_for(self, checkout: Checkout, customer_id: str) -> str:
        """One of its own for who takes the place of another: under a key no other words are taken."""
        customers = await self._customers_of(checkout.account_id)
        is_first = customers.bound[0] == customer_id
        return checkout.idempotency_key if is_first else f"{checkout.idempotency_key}-{customer_id}"

    async def _customers_of(self, account_id: UUID) -> Customers:
        return (await self.records.recall(Account, account_id)).existing().customers_at(self.billing.name)

    async def _fail(self, checkout: Checkout, reason: str, asked: Asked) -> None:
        await self.records.decide(Checkout, checkout.id, asked, lambda it: it.fail(reason=reason))
        await self.intentions.intents.settled(checkout.idempotency_key)

    async def settle(self, intent: CheckoutRequested, asked: Asked) -> None:
        """What became of an intent; the provider's list of the customer's checkouts names ours by their ids.

        Raises ProviderUnavailable, ProviderRefused.
        """
        await self._settle(intent.account_id, asked)
        checkout = (await self.records.recall(Checkout, intent.checkout_id)).existing()
        if checkout.status != "requested":
            await self.intentions.settled(intent)
        elif await self._is_erased(intent.account_id):
            await self.buying.bind_unbound(intent.account_id, asked)
            await self._fail(checkout, ERASED, asked)
        elif self.intentions.is_old(intent):
            await self._fail(checkout, NEVER_OPENED, asked)
        else:
            await self._opened(checkout, asked)

    async def _is_erased(self, account_id: UUID) -> bool:
        return (await self.records.recall(Account, account_id)).existing().erasure_id is not None

    async def shut_current(self, account_id: UUID, asked: Asked) -> None:
        """The account's one page, if it has any. Raises ProviderUnavailable."""
        if (current_id := await self.turns.current(account_id)) is not None:
            await self.shut(current_id, asked)

    async def shut(self, checkout_id: UUID, asked: Asked) -> None:
        """Nobody pays on its page any more; that somebody just has, a webhook says. Raises ProviderUnavailable."""
        checkout = (await self.records.recall(Checkout, checkout_id)).existing()
        page = checkout.page_at(self.business_time.now())
        if page is None:
            return
        with suppress(ProviderRefused):
            if await self.billing.expire_checkout(page.provider_reference) == "expired":
                reference = page.provider_reference
                await self.records.decide(
                    Checkout, checkout.id, asked, lambda it: it.expire(provider_reference=reference)
                )
