"""Accounts, plans and subscriptions as API clients see them, made from what the use cases answer."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from application.projections.plans import Offer
from application.signing_in import Tokens
from application.subscriptions import MySubscription
from domain.access.access import Access
from domain.access.prepaid import Bought
from domain.access.standing import Term
from domain.account.account import Account, Role
from domain.plan.plan import Plan
from domain.shared.money import Money

IntervalWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["month", "year", "once"]})]
"""The read model keeps it as text; the document names its words."""


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account, to itself. One that was made at a first sign-in by phone has no address until it is given one."""

    id: UUID
    email: Annotated[str | None, msgspec.Meta(examples=["anna@example.com"])]
    email_verified: bool
    phone: Annotated[str | None, msgspec.Meta(examples=["+48600100200"])]
    name: Annotated[str | None, msgspec.Meta(examples=["Anna"])]
    role: Role
    created_at: datetime


def account_view(account: Account) -> AccountView:
    return AccountView(
        id=account.id,
        email=account.email,
        email_verified=account.email_verified,
        phone=account.phone,
        name=account.name,
        role=account.role,
        created_at=account.created_at,
    )


class TokensView(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a client signed in; `expires_in` is in seconds and about the access token."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a word of the protocol
    expires_in: Annotated[int, msgspec.Meta(examples=[900])]


class SentView(msgspec.Struct, frozen=True):
    """For how many seconds the code or the link is good, if one was sent."""

    expires_in: Annotated[int, msgspec.Meta(examples=[600])]


def sent_view(life: timedelta) -> SentView:
    return SentView(int(life.total_seconds()))


class RegisteredView(TokensView, frozen=True, kw_only=True):
    account: AccountView


def tokens_view(tokens: Tokens) -> TokensView:
    return TokensView(
        access_token=tokens.access_token, refresh_token=tokens.refresh_token, expires_in=tokens.expires_in
    )


def registered_view(account: Account, tokens: Tokens) -> RegisteredView:
    return RegisteredView(
        account=account_view(account),
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_in=tokens.expires_in,
    )


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """What may be bought; `duration_days` of a plan that is bought once."""

    id: UUID
    name: Annotated[str, msgspec.Meta(examples=["Standard"])]
    description: str
    price: Money
    interval: IntervalWord
    duration_days: int | None
    trial_days: int
    features: Annotated[tuple[str, ...], msgspec.Meta(examples=[["sd", "hd"]])]
    stream_limit: Annotated[int | None, msgspec.Meta(examples=[2])]
    max_height: Annotated[int | None, msgspec.Meta(examples=[1080])]
    active: bool


class StripePrice(msgspec.Struct, frozen=True):
    """A price at Stripe; only the active one is sold, the others stay for those who pay them."""

    id: Annotated[str, msgspec.Meta(examples=["price_1"])]
    active: bool


class AdminPlanView(PlanView, frozen=True, kw_only=True):
    """A plan with its prices at Stripe, oldest first."""

    stripe_prices: list[StripePrice]


def plan_view(offer: Offer) -> PlanView:
    return PlanView(
        id=offer.plan_id,
        name=offer.name,
        description=offer.description,
        price=Money(offer.amount, offer.currency),
        interval=offer.interval,
        duration_days=offer.duration_days,
        trial_days=offer.trial_days,
        features=offer.features,
        stream_limit=offer.stream_limit,
        max_height=offer.max_height,
        active=offer.active,
    )


def admin_plan_view(plan: Plan) -> AdminPlanView:
    prices = plan.prices.get("stripe", ())
    sold = prices[-1] if prices and not plan.withdrawn else None
    return AdminPlanView(
        id=plan.terms.plan_id,
        name=plan.terms.name,
        description=plan.description,
        price=plan.terms.price,
        interval=plan.terms.interval,
        duration_days=plan.duration_days,
        trial_days=plan.trial_days,
        features=plan.terms.features,
        stream_limit=plan.terms.stream_limit,
        max_height=plan.terms.max_height,
        active=sold is not None,
        stripe_prices=[StripePrice(price, active=price == sold) for price in prices],
    )


class PaymentProblem(msgspec.Struct, frozen=True):
    """Since when a payment has been failing, when it is tried again, and the page on which it can be paid."""

    since: datetime
    next_attempt_at: datetime | None
    action_url: str | None


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """What decides; `status` is the provider's word for a subscription, `none` for who never had one.

    `plan` is as this subscriber has it, at what she pays; today it may be sold otherwise.

    Of a plan that was bought for some days it is `active`, `ended`, `refunded` or `disputed`; nothing there renews.
    """

    id: UUID | None
    status: Annotated[str, msgspec.Meta(examples=["active"])]
    plan: PlanView | None
    access: Access
    current_period_end: datetime | None
    cancel_at_period_end: bool
    trial_end: datetime | None
    payment_problem: Annotated[PaymentProblem | None, msgspec.Meta(examples=[None])]


def subscription_view(mine: MySubscription) -> SubscriptionView:
    if isinstance(mine.term, Bought):
        return _purchase_view(mine, mine.term)
    term = mine.term
    return SubscriptionView(
        id=term.subscription_id if term else None,
        status=mine.status,
        plan=plan_view(mine.plan) if mine.plan else None,
        access=mine.access,
        current_period_end=term.period_end if term else None,
        cancel_at_period_end=bool(term and term.ends_at and not term.ended_at),
        trial_end=term.trial_end if term else None,
        payment_problem=_payment_problem(term) if term else None,
    )


def _purchase_view(mine: MySubscription, bought: Bought) -> SubscriptionView:
    return SubscriptionView(
        id=bought.purchase_id,
        status=mine.status,
        plan=plan_view(mine.plan) if mine.plan else None,
        access=mine.access,
        current_period_end=bought.until,
        cancel_at_period_end=False,
        trial_end=None,
        payment_problem=None,
    )


def _payment_problem(term: Term) -> PaymentProblem | None:
    since = term.grace_since or term.owed_since
    if since is None or term.ended_at is not None:
        return None
    return PaymentProblem(since, term.next_attempt_at, term.action_url)
