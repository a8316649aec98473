"""Buying a plan."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Controller, Response, post
from litestar.params import JSONBody

from application.errors import NotFound, ProviderRefused, ProviderUnavailable
from application.ports.ledger import StreamMoved
from application.return_urls import ReturnUrlNotAllowed
from domain.access.access import AccountBlocked
from domain.plan.plan import PlanNotForSale
from domain.prepaid.prepaid import RenewalWindowClosed
from domain.subscription.subscription import AlreadySubscribed
from entrypoints.http.authentication import ByRequest, SignedInAs, Viewer
from entrypoints.http.given import GivenCheckouts
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.positions import at
from entrypoints.http.texts import Url
from entrypoints.http.throttled import Throttled


class CheckoutToOpen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The addresses to come back to must be on one of this service's own origins."""

    plan_id: UUID
    success_url: Url | None = None
    cancel_url: Url | None = None


class CheckoutView(msgspec.Struct, frozen=True):
    """Where to pay, and until when."""

    id: UUID
    url: str
    expires_at: datetime


class CheckoutController(Controller):
    path = "/checkout"
    tags = ("Subscriptions",)
    guards = (SignedInAs(),)

    @post(
        operation_id="open_checkout",
        summary="Buy a plan",
        middleware=(Idempotent,),
        throttled=Throttled("checkout", "account"),
        refuses=(
            AccountBlocked,
            AlreadySubscribed,
            NotFound,
            PlanNotForSale,
            ProviderRefused,
            ProviderUnavailable,
            RenewalWindowClosed,
            ReturnUrlNotAllowed,
            StreamMoved,
        ),
    )
    async def open(
        self, viewer: Viewer, data: JSONBody[CheckoutToOpen], checkouts: GivenCheckouts, asked: ByRequest
    ) -> Response[CheckoutView]:
        """Opens a payment page at the provider; an account has one at a time.

        Asked again for the same plan it is the page that is open, with the return addresses that it has; for another
        plan the open one is expired first.

        Who has a live subscription buys nothing beside it. A plan of some days can be bought again in the 30 days
        before the end of what was bought, and goes on from there; it does not keep anybody from subscribing.
        """
        opened = await checkouts.open(
            viewer.account_id, data.plan_id, success_url=data.success_url, cancel_url=data.cancel_url, asked=asked
        )
        return at(opened.position, CheckoutView(opened.checkout_id, opened.url, opened.expires_at))
