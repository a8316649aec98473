"""Time, ids and whatever else would make a use case answer differently twice."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Business time or real time: a use case says by its parameter's name which one it wants."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        ...


class Identifiers(Protocol):
    """New ids that nobody can guess."""

    def new(self) -> UUID: ...
