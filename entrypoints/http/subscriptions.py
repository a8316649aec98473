"""Every subscription there has been, and all that was bought for some days: one's own, and everybody's for support."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get

from application.projections.subscriptions import Subscribed
from entrypoints.http.authentication import SignedInAs, Viewer
from entrypoints.http.given import GivenSubscriptions
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.texts import AskedId, id_in


class SubscribedPlan(msgspec.Struct, frozen=True):
    """The plan, by the name that it had when it was bought."""

    id: UUID
    name: Annotated[str, msgspec.Meta(examples=["Standard"])]


class SubscribedView(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription; `status` is the provider's word.

    Or a plan bought for some days, from `started_at` until `current_period_end`: `upcoming`, `active`, `ended`,
    `refunded`, `disputed`, or `duplicate`, where it was paid while too much was left of another: then it has no end.

    `duplicate_of`: the older subscription of the same account beside which it was found, since both sell one plan.
    """

    id: UUID
    status: Annotated[str, msgspec.Meta(examples=["active"])]
    plan: SubscribedPlan
    started_at: datetime
    current_period_end: datetime | None
    cancel_at_period_end: bool
    ended_at: datetime | None
    duplicate_of: Annotated[UUID | None, msgspec.Meta(examples=[None])]


class AccountSubscribedView(SubscribedView, frozen=True, kw_only=True):
    """A subscription, and whose it is."""

    account_id: UUID
    provider: Annotated[str, msgspec.Meta(examples=["stripe"])]
    provider_reference: Annotated[str, msgspec.Meta(examples=["sub_1MowQVLkdIwHu7ixeRlqHVzs"])]


class MySubscriptionsController(Controller):
    path = "/me/subscriptions"
    tags = ("Subscriptions",)
    guards = (SignedInAs(),)

    @get(operation_id="list_my_subscriptions", summary="My subscriptions", refuses=(INVALID_CURSOR,))
    async def listing(
        self, viewer: Viewer, subscriptions: GivenSubscriptions, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[SubscribedView]:
        """Every one there has been; the newest first, by when each was first heard of."""
        found = await subscriptions.listing.page(
            account_id=viewer.account_id, before=position_after(cursor), limit=limit + 1
        )
        now = subscriptions.business_time.now()
        return page_of(found, limit, view=lambda one: subscribed_view(one, now), key=lambda one: one.first_position)


class AdminSubscriptionController(Controller):
    path = "/admin/subscriptions"
    tags = ("Subscriptions",)
    guards = (SignedInAs("admin", "support"),)

    @get(operation_id="list_subscriptions", summary="Subscriptions", refuses=(INVALID_CURSOR,))
    async def listing(
        self, subscriptions: GivenSubscriptions, account: AskedId = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[AccountSubscribedView]:
        """Everybody's, or those of one `account`; the newest first, by when each was first heard of."""
        found = await subscriptions.listing.page(
            account_id=id_in(account), before=position_after(cursor), limit=limit + 1
        )
        now = subscriptions.business_time.now()
        return page_of(
            found, limit, view=lambda one: account_subscribed_view(one, now), key=lambda one: one.first_position
        )


def subscribed_view(one: Subscribed, now: datetime) -> SubscribedView:
    return SubscribedView(
        id=one.subscription_id,
        status=one.status_at(now),
        plan=SubscribedPlan(one.plan_id, one.plan_name),
        started_at=one.started_at,
        current_period_end=one.period_end,
        cancel_at_period_end=one.ends_at is not None and one.ended_at is None,
        ended_at=one.ended_by(now),
        duplicate_of=one.duplicate_of,
    )


def account_subscribed_view(one: Subscribed, now: datetime) -> AccountSubscribedView:
    view = subscribed_view(one, now)
    shown = {name: getattr(view, name) for name in SubscribedView.__struct_fields__}
    return AccountSubscribedView(
        **shown,
        account_id=one.account_id,
        provider=one.provider,
        provider_reference=one.provider_reference,
    )
