"""What happens to every request under /v1 between its guards and its handler."""

from typing import Any

from litestar import Request, Response

from entrypoints.http.idempotency import begin_once
from entrypoints.http.positions import wait_for_position
from entrypoints.http.throttled import Throttled, throttle


async def before_handling(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """A read waits for the position that it names, what is throttled is counted, and a kept answer is given again.

    Raises UnknownPosition, NotYetVisible, RateLimited, IdempotencyKeyReused, RequestInProgress, Malformed.
    """
    await wait_for_position(request)
    rule: Throttled | None = request.route_handler.opt.get("throttled")
    if rule is not None:
        await throttle(request, rule)
    return await begin_once(request)
