"""Faults of the API on request: rate limits, failures, slow answers, dropped connections."""

from typing import Annotated, Literal

import msgspec
from litestar.types import Receive

from adapters.sandbox.stripe.errors import StripeRefusal

MOST_FAULTS = 20


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong with the next `requests` to `path` and below (all of them, where it is null).

    `path` is below /v1, as `/subscriptions`; `verb` null means every one. `seconds` are for `slow`. `should_retry` is
    Stripe's header of that name on `rate_limit` and `error`. With `after` the request is done, and only its answer is
    lost.
    """

    kind: Literal["rate_limit", "error", "slow", "drop"]
    requests: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = 1
    path: str = ""
    verb: Literal["GET", "POST", "DELETE"] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=60)] = 1.0
    should_retry: bool | None = None
    after: bool = False

    def concerns(self, verb: str, path: str) -> bool:
        return self.verb in (None, verb) and f"{path}/".startswith(f"{self.path.rstrip('/')}/")

    def refusal(self) -> StripeRefusal:
        """What is answered in place of the answer."""
        if self.kind == "rate_limit":
            return StripeRefusal("Request rate limit exceeded.", status=429, code="rate_limit")
        return StripeRefusal("Sorry, something went wrong at our end.", status=500, type="api_error")

    def headers(self) -> dict[str, str]:
        return {} if self.should_retry is None else {"Stripe-Should-Retry": str(self.should_retry).lower()}


Planned = Annotated[list[Fault], msgspec.Meta(max_length=MOST_FAULTS)]


class Faults:
    """Those that are still to come, in the order in which they come. Forgotten when the process ends."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def take(self, verb: str, path: str) -> Fault | None:
        """The first one that concerns this request, counted off."""
        for index, fault in enumerate(self.planned):
            if fault.concerns(verb, path):
                self.planned[index : index + 1] = _rest(fault)
                return fault
        return None


def _rest(fault: Fault) -> list[Fault]:
    if fault.requests is None:
        return [fault]
    left = fault.requests - 1
    return [msgspec.structs.replace(fault, requests=left)] if left else []


async def hang_up(receive: Receive) -> None:
    """Closes the connection without an answer.

    ASGI has no word for it, so this goes to uvicorn's own connection; elsewhere nothing happens, and the caller's
    answer is sent.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        return
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
