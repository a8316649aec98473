"""How fast a provider is asked: as fast as it lets all our processes together."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

_unhurried: ContextVar[bool] = ContextVar("unhurried", default=False)


class Pace(Protocol):
    """One to a provider."""

    async def turn(self) -> None:
        """Until a request may be sent; at once where somebody waits for the answer, and then the others wait longer.

        Raises ProviderBusy where the turn would be too far away.
        """
        ...

    async def slow_down(self) -> None:
        """The provider refused a request for want of patience: half as many a second from now on, and slowly more."""
        ...


@contextmanager
def unhurried() -> Generator[None]:
    """What is asked inside, and by tasks that begin there, lets the requests that people wait for go first."""
    token = _unhurried.set(True)
    try:
        yield
    finally:
        _unhurried.reset(token)


def is_unhurried() -> bool:
    return _unhurried.get()
