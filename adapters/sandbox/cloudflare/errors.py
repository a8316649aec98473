"""Refusals in Cloudflare's envelope."""

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from adapters.sandbox.stripe.errors import StripeRefusal


class StreamRefusal(HTTPException):
    """What Cloudflare answers instead of a result."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(detail=message, status_code=status)
        self.code = code


def refuse(_: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    code = error.code if isinstance(error, StreamRefusal) else 10_000
    body = {"success": False, "errors": [{"code": code, "message": error.detail}], "messages": [], "result": None}
    return Response(body, status_code=error.status_code)


def refuse_a_control(request: Request[Any, Any, Any], error: StripeRefusal) -> Response[dict[str, Any]]:
    """The controls of the deliveries are those of the simulated Stripe."""
    return refuse(request, StreamRefusal(error.status, 10_001, str(error)))
