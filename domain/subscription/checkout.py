"""A checkout: asked for, opened at the provider, completed there, or come to nothing."""

from datetime import datetime
from typing import Literal, Self, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.shared.fact import AccountFact
from domain.shared.plan_terms import PlanTerms


class CheckoutRequested(AccountFact, frozen=True, omit_defaults=True, tag="checkout.requested"):
    """The intent, before the provider is asked: all that it takes to ask again in the same words."""

    checkout_id: UUID
    provider: str
    plan: PlanTerms
    price_id: str
    trial_days: int
    """Free at the beginning; 0 for somebody who had a trial before."""
    idempotency_key: str
    success_url: str = ""
    cancel_url: str = ""
    """Where the page sends the viewer back to."""


class CheckoutOpened(AccountFact, frozen=True, omit_defaults=True, tag="checkout.opened"):
    checkout_id: UUID
    provider_reference: str
    expires_at: datetime
    url: str = ""


class CheckoutFailed(AccountFact, frozen=True, tag="checkout.failed"):
    """The provider would not open it, or never did."""

    checkout_id: UUID
    reason: str


class CheckoutCompleted(AccountFact, frozen=True, tag="checkout.completed"):
    """The viewer went through; whether money came is for the subscription and the payment to say."""

    checkout_id: UUID
    provider_reference: str


class CheckoutExpired(AccountFact, frozen=True, tag="checkout.expired"):
    checkout_id: UUID
    provider_reference: str


CheckoutFact = CheckoutRequested | CheckoutOpened | CheckoutFailed | CheckoutCompleted | CheckoutExpired
Status = Literal["requested", "open", "failed", "completed", "expired"]


class Page(msgspec.Struct, frozen=True):
    """Where the viewer pays, since which position of the ledger and until when."""

    provider_reference: str
    url: str
    opened_at: int
    expires_at: datetime


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a checkout, folded from its facts."""

    id: UUID
    account_id: UUID
    plan: PlanTerms
    price_id: str
    trial_days: int
    success_url: str
    cancel_url: str
    idempotency_key: str
    requested_at: datetime
    status: Status = "requested"
    page: Page | None = None
    """Since it was opened."""

    @staticmethod
    def request(
        *,
        checkout_id: UUID,
        account_id: UUID,
        provider: str,
        plan: PlanTerms,
        price_id: str,
        trial_days: int,
        success_url: str,
        cancel_url: str,
        idempotency_key: str,
    ) -> list[CheckoutFact]:
        return [
            CheckoutRequested(
                checkout_id=checkout_id,
                account_id=account_id,
                provider=provider,
                plan=plan,
                price_id=price_id,
                trial_days=trial_days,
                success_url=success_url,
                cancel_url=cancel_url,
                idempotency_key=idempotency_key,
            )
        ]

    def sells(self, plan: PlanTerms, *, price_id: str, trial_days: int) -> bool:
        """Whether somebody who asks for that plan today is offered the same."""
        return (self.plan.plan_id, self.price_id, self.trial_days) == (plan.plan_id, price_id, trial_days)

    def page_at(self, now: datetime) -> Page | None:
        """The page on which it can still be paid."""
        if self.status != "open" or self.page is None or now >= self.page.expires_at:
            return None
        return self.page

    def open(self, *, provider_reference: str, url: str, expires_at: datetime) -> list[CheckoutFact]:
        if self.status != "requested":
            return []
        return [
            CheckoutOpened(
                checkout_id=self.id,
                account_id=self.account_id,
                provider_reference=provider_reference,
                expires_at=expires_at,
                url=url,
            )
        ]

    def fail(self, *, reason: str) -> list[CheckoutFact]:
        if self.status != "requested":
            return []
        return [CheckoutFailed(checkout_id=self.id, account_id=self.account_id, reason=reason)]

    def complete(self, *, provider_reference: str) -> list[CheckoutFact]:
        """Completion is final: a late notice of expiry changes nothing."""
        if self.status == "completed":
            return []
        return [
            CheckoutCompleted(checkout_id=self.id, account_id=self.account_id, provider_reference=provider_reference)
        ]

    def expire(self, *, provider_reference: str) -> list[CheckoutFact]:
        if self.status not in {"requested", "open"}:
            return []
        return [CheckoutExpired(checkout_id=self.id, account_id=self.account_id, provider_reference=provider_reference)]

    @classmethod
    def evolve(cls, state: Self | None, fact: CheckoutFact) -> "Checkout":
        if isinstance(fact, CheckoutRequested):
            return cls(
                id=fact.checkout_id,
                account_id=fact.account_id,
                plan=fact.plan,
                price_id=fact.price_id,
                trial_days=fact.trial_days,
                success_url=fact.success_url,
                cancel_url=fact.cancel_url,
                idempotency_key=fact.idempotency_key,
                requested_at=fact.recorded_at,
            )
        assert state is not None, "a checkout is requested first"
        match fact:
            case CheckoutOpened():
                page = Page(fact.provider_reference, fact.url, fact.position, fact.expires_at)
                return replace(state, status="open", page=page)
            case CheckoutFailed():
                return replace(state, status="failed")
            case CheckoutCompleted():
                return replace(state, status="completed")
            case CheckoutExpired():
                return replace(state, status="expired")
            case _:
                assert_never(fact)
