"""A policy turns facts into commands; done twice, what it does happens once."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from domain.shared.fact import Fact


class Policy(msgspec.Struct, frozen=True):
    """Its name keeps its position on the ledger: renamed, it starts from the beginning."""

    name: str
    facts: tuple[type[Fact], ...]
    act: Callable[[Any], Awaitable[None]]

    @property
    def topics(self) -> list[str]:
        """The tags of its facts."""
        return [fact.tag() for fact in self.facts]
