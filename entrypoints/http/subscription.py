"""The caller's own subscription."""

from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import JSONBody

from application.errors import ProviderRefused, ProviderUnavailable
from application.ports.ledger import StreamMoved
from domain.subscription.subscription import NoSubscription, SubscriptionAmbiguous, SubscriptionOver
from entrypoints.http.authentication import ByRequest, SignedInAs, Viewer
from entrypoints.http.given import GivenSubscriptions
from entrypoints.http.positions import at
from entrypoints.http.views import SubscriptionView, subscription_view


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`subscription_id` is needed only where several are live."""

    at_period_end: bool = True
    subscription_id: UUID | None = None


class SubscriptionController(Controller):
    path = "/me/subscription"
    tags = ("Subscriptions",)
    guards = (SignedInAs(),)

    @get(operation_id="read_subscription", summary="My subscription")
    async def read(self, viewer: Viewer, subscriptions: GivenSubscriptions) -> SubscriptionView:
        """The one that decides what may be watched, and why."""
        return subscription_view(await subscriptions.mine(viewer.account_id))

    @post(
        "/cancel",
        operation_id="cancel_subscription",
        summary="Cancel my subscription",
        status_code=200,
        refuses=(
            NoSubscription,
            ProviderRefused,
            ProviderUnavailable,
            StreamMoved,
            SubscriptionAmbiguous,
            SubscriptionOver,
        ),
    )
    async def cancel(
        self, viewer: Viewer, data: JSONBody[Cancellation], subscriptions: GivenSubscriptions, asked: ByRequest
    ) -> Response[SubscriptionView]:
        """Stops renewing it. What is paid for stays watchable, unless `at_period_end` is false."""
        position = await subscriptions.cancel(
            viewer.account_id, at_period_end=data.at_period_end, subscription_id=data.subscription_id, asked=asked
        )
        return at(position, subscription_view(await subscriptions.mine(viewer.account_id)))
