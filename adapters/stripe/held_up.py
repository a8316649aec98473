"""Objects that no fact of ours can hold: each is held up by itself, and said by its id."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from adapters.stripe.units import Unsayable


class Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Named)
R = TypeVar("R")


class HeldUp:
    """Why some objects of a customer cannot be recorded."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def besides(self, objects: Iterable[T], read: Callable[[T], R | None]) -> list[R]:
        """What is read of the others; None stands for what is left aside."""
        found: list[R] = []
        for one in objects:
            try:
                seen = read(one)
            except Unsayable as why:
                self.note(one.id, why)
            else:
                if seen is not None:
                    found.append(seen)
        return found

    def note(self, reference: str, why: Unsayable) -> None:
        """This object is not recorded."""
        self.reasons.append(f"Stripe's {reference} cannot be recorded: {why}.")
