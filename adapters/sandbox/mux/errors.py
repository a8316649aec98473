"""Refusals in Mux's shape."""

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from adapters.sandbox.stripe.errors import StripeRefusal


class MuxRefusal(HTTPException):
    """What Mux answers instead of an object."""

    def __init__(self, status: int, type: str, message: str) -> None:
        super().__init__(detail=message, status_code=status)
        self.type = type

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"type": self.type, "messages": [self.detail]}}


def no_such(kind: str) -> MuxRefusal:
    return MuxRefusal(404, "not_found", f"The requested {kind} either doesn't exist or you don't have access to it.")


def refuse(_: Request[Any, Any, Any], refusal: MuxRefusal) -> Response[dict[str, Any]]:
    return Response(refusal.body, status_code=refusal.status_code)


def refuse_in_their_shape(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """What Litestar itself refuses."""
    return refuse(request, MuxRefusal(error.status_code, "invalid_parameters", error.detail))


def refuse_a_control(request: Request[Any, Any, Any], error: StripeRefusal) -> Response[dict[str, Any]]:
    """The controls of the deliveries are those of the simulated Stripe."""
    return refuse(request, MuxRefusal(error.status, "invalid_parameters", str(error)))
