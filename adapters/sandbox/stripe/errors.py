"""Refusals in Stripe's words and shape (https://docs.stripe.com/api/errors)."""

from typing import Any


class StripeRefusal(Exception):
    """What Stripe answers instead of an object: a status, a type, and for most a code and the parameter at fault."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"error": {"type": type, "message": message}}
        if code is not None:
            self.body["error"]["code"] = code
        if param is not None:
            self.body["error"]["param"] = param


class DeclinedPayment(StripeRefusal):
    """402, of which something stays: the attempt is counted and announced."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=402, type="card_error", code="card_declined")
        self.body["error"]["decline_code"] = "generic_decline"


def no_such(kind: str, id: str, *, param: str = "id", status: int = 404) -> StripeRefusal:
    """Nothing of this kind has the id: 404 where the URL names it, 400 where a parameter does."""
    name = kind.rpartition(".")[2].replace("_", " ")
    return StripeRefusal(f"No such {name}: '{id}'", status=status, code="resource_missing", param=param)


def unknown_parameter(name: str, known: list[str]) -> StripeRefusal:
    message = f"Received unknown parameter: {name}. The simulator knows here: {', '.join(sorted(known))}."
    return StripeRefusal(message, code="parameter_unknown", param=name)


def missing_parameter(name: str) -> StripeRefusal:
    return StripeRefusal(f"Missing required param: {name}.", code="parameter_missing", param=name)


def invalid(name: str, message: str, *, code: str | None = None) -> StripeRefusal:
    return StripeRefusal(message, code=code, param=name)
