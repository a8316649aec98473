"""Sweeps and how far they are: one worker at a time, and none of it lost when it is killed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from application.ports.inbox import Customer

SweepKind = Literal["undelivered", "customers"]
SweepStatus = Literal["requested", "under_way", "done", "failed"]
REPAIRED_MAX = 1_000
"""Accounts that a sweep names; the others are counted."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """One sweep; times are real time."""

    id: int
    kind: SweepKind
    cause: str
    status: SweepStatus
    requested_at: datetime
    begun_at: datetime | None = None
    finished_at: datetime | None = None
    head: int = 0
    """The ledger's position when it began."""
    reached: str | None = None
    """Where it goes on; None at the beginning."""
    examined: int = 0
    """Events looked at, or customers asked about."""
    kept: int = 0
    """Events that had not come before."""
    passed_over: int = 0
    """Customers who are bound to no account here, and so were not asked about."""
    troubles: int = 0
    """Customers about whom nothing could be settled; the log says why."""
    repaired: dict[UUID, tuple[int, ...]] = {}
    """The positions of the facts that it recorded, by account."""
    repairs: int = 0
    """How many accounts it repaired, those that are not named too."""
    error: str | None = None


class SweepTotals(msgspec.Struct, frozen=True):
    """All sweeps of a kind that are remembered."""

    finished: int
    repairs: int
    kept: int
    last_finished_at: datetime | None


class Sweeps(Protocol):
    """The sweeps that were asked for."""

    async def request(self, kind: SweepKind, *, cause: str, once: bool = False) -> Sweep:
        """The one that waits to begin, made if none does; with `once` none is made for a cause that had its own."""
        ...

    async def request_when_due(self, kind: SweepKind, *, every_seconds: float) -> None:
        """Ask for one unless one is open, or was asked for within that time."""
        ...

    async def take(self, *, head: int, seconds: float) -> tuple[Sweep, UUID] | None:
        """One that nobody is at, with a lease on it: whatever was interrupted goes before what has not begun."""
        ...

    async def note(self, sweep: Sweep, holder: UUID, *, seconds: float) -> bool:
        """Write down how far it is, and hold it for so long again; False when it is somebody else's by now."""
        ...

    async def finish(self, sweep: Sweep, holder: UUID, *, status: SweepStatus) -> None:
        """With `error` set it tells why it failed."""
        ...

    async def put_off(self, sweep: Sweep, holder: UUID, *, error: str, seconds: float) -> None:
        """Somebody goes on with it, but not before so long."""
        ...

    async def sweep(self, id: int) -> Sweep | None: ...

    async def page(self, *, before: int | None, limit: int) -> Sequence[Sweep]:
        """The newest first; `before` is the id of the last one seen."""
        ...

    async def totals(self) -> Mapping[SweepKind, SweepTotals]: ...

    async def is_swept(self, customer: Customer, sweep_id: int) -> bool: ...

    async def mark_swept(self, customer: Customer, sweep_id: int) -> None:
        """This sweep has asked about the customer, and what came of it is noted."""
        ...

    async def unswept(self, provider: str, sweep_id: int, *, after: str | None, limit: int) -> Sequence[Customer]:
        """Customers that somebody asked about before and this sweep has not, in the order of their ids."""
        ...
