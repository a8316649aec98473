"""Giving money back, for admins."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, post
from litestar.params import FromPath, JSONBody

from application.errors import ProviderRefused, ProviderUnavailable
from application.ports.ledger import StreamMoved
from application.refunds import RefundUnderWay
from domain.payment.refunding import PaymentNotRefundable, RefundCurrencyDiffers, RefundExceedsPayment
from domain.shared.money import MINOR_UNITS_MAX, Money
from entrypoints.http.authentication import ByRequest, SignedInAs
from entrypoints.http.given import GivenRefunds
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.positions import at
from entrypoints.http.texts import Line
from entrypoints.http.throttled import Throttled

MinorUnits = Annotated[int, msgspec.Meta(ge=1, le=MINOR_UNITS_MAX, examples=[400])]


class RefundToGive(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`amount` in minor units of the payment's currency, or with its currency; left out: all that is left."""

    amount: MinorUnits | Money | None = None
    reason: Annotated[Line, msgspec.Meta(examples=["The film did not play"])]


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that is on its way; `refundable` is what could still be refunded of the payment."""

    payment_id: UUID
    amount: Money
    reason: str
    refundable: Money


class RefundController(Controller):
    path = "/admin/payments"
    tags = ("Subscriptions",)
    guards = (SignedInAs("admin"),)

    @post(
        "/{id:uuid}/refund",
        operation_id="refund_payment",
        summary="Refund a payment",
        middleware=(Idempotent,),
        throttled=Throttled("refund", "account"),
        refuses=(
            PaymentNotRefundable,
            ProviderRefused,
            ProviderUnavailable,
            RefundCurrencyDiffers,
            RefundExceedsPayment,
            StreamMoved,
        ),
    )
    async def refund(
        self, id: FromPath[UUID], data: JSONBody[RefundToGive], refunds: GivenRefunds, asked: ByRequest
    ) -> Response[RefundView]:
        """Never more than is left. Where the provider does not answer it is given as soon as it does."""
        given = await refunds.refund(id, amount=data.amount, reason=data.reason, asked=asked)
        return at(given.position, refund_view(given))


def refund_view(given: RefundUnderWay) -> RefundView:
    return RefundView(
        payment_id=given.payment_id, amount=given.amount, reason=given.reason, refundable=given.refundable
    )
