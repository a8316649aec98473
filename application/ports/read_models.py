"""How the read models stand, and the rebuilds that are asked for."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec


class Rebuilding(msgspec.Struct, frozen=True):
    """A rebuild under way: the generation that is being built, how far it is, and where it has to come."""

    generation: int
    position: int
    target: int

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return min(self.position / self.target, 1.0) if self.target else 1.0


class ReadModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a read model stands; `lag` in facts behind the ledger's head, `kept` the generations to roll back to."""

    name: str
    generation: int
    version: int
    position: int
    lag: int
    state: Literal["live", "degraded"] = "live"
    """`degraded`: there is a fact that it could not take, and a rebuild after the mend repairs it."""
    trouble: str | None = None
    kept: tuple[int, ...] = ()
    rebuilding: Rebuilding | None = None
    rebuild_requested: bool = False
    rebuild_error: str | None = None
    """Why the rebuild that was last asked for could not be done; None since another was asked for, or has been done."""


class ReadModelStates(Protocol):
    """What there is to know of the read models. All raise DatabaseUnavailable."""

    async def statuses(self) -> Sequence[ReadModelStatus]:
        """Every read model that has a live generation, by name."""
        ...

    async def request_rebuild(self, name: str) -> bool:
        """Have a worker rebuild it, also if all of them stop in between; False where there is none of this name."""
        ...

    async def rebuilds_requested(self) -> Sequence[str]:
        """The names that wait for a worker, the first asked for first."""
        ...

    async def give_up_request(self, name: str, why: str) -> None:
        """Ask for it no more, and keep why it cannot be done; nothing where it is not asked for any more."""
        ...
