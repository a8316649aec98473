"""What operational tables hold about a person, to be told to that person."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, get_args
from uuid import UUID

import msgspec

from application.ports.erasures import Traces

HeldTable = Literal[
    "sessions",
    "refreshes",
    "passwords",
    "claims",
    "letters",
    "codes",
    "answers",
    "plays",
    "intents",
    "customers",
    "objects",
    "webhooks",
]
HELD_TABLES: tuple[HeldTable, ...] = get_args(HeldTable)

ACTS_WINDOW = 20_000
"""So many positions of the ledger are looked through by one question."""


class Held(msgspec.Struct, frozen=True):
    """One row, without secrets and digests; `place` is where the next page goes on."""

    place: str
    values: Mapping[str, Any]
    sealed: bytes | None = None
    """What of it is sealed."""
    month: str | None = None
    """Under whose month's key that is; None: under the person's own."""


class Holdings(Protocol):
    """Read in pages, so that nobody holds a connection while somebody reads slowly. Raises DatabaseUnavailable."""

    async def page(self, table: HeldTable, traces: Traces, *, after: str | None, limit: int) -> Sequence[Held]:
        """The next rows after a place; of webhooks those about this person's customers, without their bodies.

        Of letters and codes those in the name of the account, and those in nobody's to one of the recipients.
        """
        ...

    async def acts(self, account_id: UUID, *, after: int) -> Sequence[Mapping[str, Any]]:
        """What this account did, of the next 20,000 positions of the ledger; not to whom."""
        ...
