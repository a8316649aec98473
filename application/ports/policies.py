"""How the policies stand."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec


class PolicyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a policy stands; `position` is that of the last fact it acted on or passed over, 0 before the first."""

    name: str
    position: int
    lag: int
    """The facts that wait for it; beyond 10,000 of a kind no more are counted."""
    state: Literal["live", "degraded"] = "live"
    """`degraded`: it has passed over a fact that could not be read, and goes on."""
    trouble: str | None = None


class PolicyStates(Protocol):
    """What there is to know of the policies. Raises DatabaseUnavailable."""

    async def statuses(self) -> Sequence[PolicyStatus]:
        """Every policy, by name."""
        ...
