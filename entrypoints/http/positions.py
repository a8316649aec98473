"""Reading one's own writes: an answer says where the ledger stands, and a read waits until it sees that much."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar import Request, Response

from application.ports.ledger import POSITION_MAX
from entrypoints.http.problems import POSITION_HEADER, FieldError, Malformed

POSITION_DIGITS_MAX = len(str(POSITION_MAX))

Wait = Callable[[int], Awaitable[None]]

T = TypeVar("T")


async def wait_for_position(request: Request[Any, Any, Any]) -> None:
    """Before a read that names a position: until the read models have come as far.

    Raises UnknownPosition, NotYetVisible.
    """
    given = request.headers.get(POSITION_HEADER)
    if given is None or request.method not in {"GET", "HEAD"}:
        return
    wait: Wait = request.app.state["wait_for_position"]
    await wait(position_in(given))


def position_in(header: str) -> int:
    """Raises Malformed for anything but a number from 0."""
    if header.isascii() and header.isdigit() and len(header) <= POSITION_DIGITS_MAX and int(header) <= POSITION_MAX:
        return int(header)
    error = FieldError(POSITION_HEADER, "Expected a whole number from 0.")
    raise Malformed("The position is not a number.", code="invalid_parameter", errors=[error])


def at(position: int, view: T) -> Response[T]:
    """An answer to a request that recorded facts."""
    return Response(view, headers={POSITION_HEADER: str(position)})
