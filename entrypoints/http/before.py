"""What happens to every request under /v1 between its guards and its handler."""

from time import monotonic
from typing import Any

from litestar import Request, Response

from entrypoints.http.bodies import hear_out
from entrypoints.http.idempotency import begin_once
from entrypoints.http.positions import wait_for_position
from entrypoints.http.throttled import Throttled, throttle

LOOK_AGAIN_SECONDS = 1.0
"""What the guards saw is true for so long."""


async def before_handling(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """A read waits for the position that it names, what is throttled is counted, and a kept answer is given again.

    The body is there first. Where that took a while the guards look again, so that nobody who was signed out, disabled
    or demoted meanwhile goes on acting for as long as they draw a body out.

    Raises UnknownPosition, NotYetVisible, NotSignedIn, NotAllowed, RateLimited, IdempotencyKeyReused,
    RequestInProgress, Malformed.
    """
    began = monotonic()
    await hear_out(request)
    await wait_for_position(request)
    if monotonic() - began > LOOK_AGAIN_SECONDS:
        await request.route_handler.authorize_connection(request)
    rule: Throttled | None = request.route_handler.opt.get("throttled")
    if rule is not None:
        await throttle(request, rule)
    return await begin_once(request)
