"""What operational tables hold about a person, to be told to that person."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, get_args
from uuid import UUID

import msgspec

HeldTable = Literal["sessions", "letters", "codes", "plays", "webhooks"]
HELD_TABLES: tuple[HeldTable, ...] = get_args(HeldTable)


class Held(msgspec.Struct, frozen=True):
    """One row, without secrets and digests; `place` is where the next page goes on."""

    place: str
    values: Mapping[str, Any]


class Holdings(Protocol):
    """Read in pages, so that nobody holds a connection while somebody reads slowly. Raises DatabaseUnavailable."""

    async def page(
        self, table: HeldTable, account_id: UUID, customers: Sequence[tuple[str, str]], *, after: str | None, limit: int
    ) -> Sequence[Held]:
        """The next rows after a place; of webhooks those about these customers, without their bodies."""
        ...
