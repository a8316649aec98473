"""The caller's own subscription."""

from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import JSONBody

from application.buying import NothingBought
from application.errors import NotFound, ProviderRefused, ProviderUnavailable, SubscriptionMoved
from application.ports.ledger import StreamMoved
from application.return_urls import ReturnUrlNotAllowed
from domain.plan.plan import PlanNotForSale
from domain.subscription.changing import (
    AlreadyOnPlan,
    ChangeUnderWay,
    CurrencyDiffers,
    PaymentOutstanding,
    PaymentsPaused,
    PaymentWentBack,
    PlanDoesNotRenew,
    SubscriptionEnding,
)
from domain.subscription.subscription import NoSubscription, SubscriptionAmbiguous, SubscriptionOver
from entrypoints.http.authentication import ByRequest, SignedInAs, Viewer
from entrypoints.http.given import GivenSubscriptions
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.positions import at
from entrypoints.http.texts import Url
from entrypoints.http.views import SubscriptionView, subscription_view

COMMAND_REFUSALS: tuple[type[Exception], ...] = (
    NoSubscription,
    ProviderRefused,
    ProviderUnavailable,
    StreamMoved,
    SubscriptionAmbiguous,
    SubscriptionOver,
)


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`subscription_id` is needed only where several are live; one that waits for its first payment does not count."""

    at_period_end: bool = True
    subscription_id: UUID | None = None


class Resumption(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """As for a cancellation; without `subscription_id` no body is needed either."""

    subscription_id: UUID | None = None


class PlanChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`subscription_id` is needed only where several are live; one that waits for its first payment does not count."""

    plan_id: UUID
    subscription_id: UUID | None = None


class PortalToOpen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The address to come back to must be on one of this service's own origins."""

    return_url: Url | None = None


class PortalView(msgspec.Struct, frozen=True):
    """The provider's own page for this customer, good for a few minutes."""

    url: str


class SubscriptionController(Controller):
    path = "/me/subscription"
    tags = ("Subscriptions",)
    guards = (SignedInAs(),)

    @get(operation_id="read_subscription", summary="My subscription")
    async def read(self, viewer: Viewer, subscriptions: GivenSubscriptions) -> SubscriptionView:
        """The one that decides what may be watched, and why; where nothing may be, one that is not over."""
        return subscription_view(await subscriptions.mine(viewer.account_id))

    @post(
        "/cancel",
        operation_id="cancel_subscription",
        summary="Cancel my subscription",
        middleware=(Idempotent,),
        status_code=200,
        refuses=COMMAND_REFUSALS,
    )
    async def cancel(
        self, viewer: Viewer, data: JSONBody[Cancellation], subscriptions: GivenSubscriptions, asked: ByRequest
    ) -> Response[SubscriptionView]:
        """Stops renewing it. What is paid for stays watchable, unless `at_period_end` is false."""
        position = await subscriptions.cancel(
            viewer.account_id, at_period_end=data.at_period_end, subscription_id=data.subscription_id, asked=asked
        )
        return at(position, subscription_view(await subscriptions.mine(viewer.account_id)))

    @post(
        "/resume",
        operation_id="resume_subscription",
        summary="Take my cancellation back",
        middleware=(Idempotent,),
        status_code=200,
        refuses=(*COMMAND_REFUSALS, PaymentsPaused),
    )
    async def resume(
        self, viewer: Viewer, data: JSONBody[Resumption], subscriptions: GivenSubscriptions, asked: ByRequest
    ) -> Response[SubscriptionView]:
        """It renews again. One that is paused goes on, as soon as its new period is paid for.

        Where its payments are paused by the operator, who alone can have them collected again, that is said (409).
        """
        position = await subscriptions.resume(viewer.account_id, subscription_id=data.subscription_id, asked=asked)
        return at(position, subscription_view(await subscriptions.mine(viewer.account_id)))

    @post(
        "/change",
        operation_id="change_subscription",
        summary="Change my plan",
        middleware=(Idempotent,),
        status_code=200,
        refuses=(
            *COMMAND_REFUSALS,
            AlreadyOnPlan,
            ChangeUnderWay,
            CurrencyDiffers,
            NotFound,
            PaymentOutstanding,
            PaymentsPaused,
            PaymentWentBack,
            PlanDoesNotRenew,
            PlanNotForSale,
            SubscriptionEnding,
            SubscriptionMoved,
        ),
    )
    async def change(
        self, viewer: Viewer, data: JSONBody[PlanChange], subscriptions: GivenSubscriptions, asked: ByRequest
    ) -> Response[SubscriptionView]:
        """An upgrade is billed now and counts once it is paid: until then `payment_problem` says where.

        A cheaper plan of the same interval counts at once. No money goes back: the difference is taken off the next
        bill. A plan that the account has already, be it beside another or by another subscription, is refused, and
        nothing is billed; so is a change of one that is to end (resume it first), whose payments the operator has
        paused, or whose money went back, until the next payment.
        """
        position = await subscriptions.change(
            viewer.account_id, data.plan_id, subscription_id=data.subscription_id, asked=asked
        )
        return at(position, subscription_view(await subscriptions.mine(viewer.account_id)))


class PortalController(Controller):
    path = "/me/billing-portal"
    tags = ("Subscriptions",)
    guards = (SignedInAs(),)

    @post(
        operation_id="open_billing_portal",
        summary="My bills and cards",
        middleware=(Idempotent,),
        refuses=(NothingBought, ProviderRefused, ProviderUnavailable, ReturnUrlNotAllowed),
    )
    async def open(
        self, viewer: Viewer, data: JSONBody[PortalToOpen], subscriptions: GivenSubscriptions, asked: ByRequest
    ) -> PortalView:
        """Opens the provider's own page, on which cards are changed and bills are paid."""
        url = await subscriptions.open_portal(viewer.account_id, return_url=data.return_url, asked=asked)
        return PortalView(url)
