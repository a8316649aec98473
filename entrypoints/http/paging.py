"""Lists come in pages: an opaque cursor says after which item the next one begins."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from application.ports.ledger import POSITION_MAX
from entrypoints.http.problems import FieldError, Malformed

LIMIT_MAX = 100
CURSOR_LENGTH_MAX = 512

INVALID_CURSOR = (400, "invalid_cursor", "This cursor is none of ours.")

Held = tuple[Annotated[int, msgspec.Meta(ge=0, le=POSITION_MAX)]]

T = TypeVar("T")
Row = TypeVar("Row")

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="How many items at most.")]
Cursor = Annotated[
    str | None,
    QueryParameter(max_length=CURSOR_LENGTH_MAX, description="`next_cursor` of the page before, as it was given."),
]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Items in a stable order; `next_cursor` is null on the last page."""

    items: Sequence[T]
    next_cursor: str | None


def page_of(rows: Sequence[Row], limit: int, *, view: Callable[[Row], T], key: Callable[[Row], int | None]) -> Page[T]:
    """A page of at most `limit` out of `limit + 1` rows: one more than wanted says that there is another page.

    `key` is the position on the ledger by which the list is ordered.
    """
    shown = rows[:limit]
    more = len(rows) > limit
    return Page([view(row) for row in shown], cursor_at(key(shown[-1])) if more else None)


def cursor_at(position: int | None) -> str:
    """The position of the last item shown, opaque."""
    return urlsafe_b64encode(msgspec.json.encode([position])).rstrip(b"=").decode()


def position_after(cursor: str | None) -> int | None:
    """The position that a cursor holds; None at the beginning. Raises Malformed: `invalid_cursor`."""
    if cursor is None:
        return None
    try:
        written = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        held: Held = msgspec.json.decode(written, type=Held)
    except (ValueError, RecursionError) as reason:
        error = FieldError("cursor", "Give it as it came, or leave it out to begin at the beginning.")
        raise Malformed("This cursor is none of ours.", code="invalid_cursor", errors=[error]) from reason
    return held[0]
