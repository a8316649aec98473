"""How often somebody may try something: counted for all processes together, in real time."""

from typing import Protocol

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """So many in so many seconds: `count` of them at once, and then one every `seconds / count`."""

    count: int
    seconds: int


class Claim(msgspec.Struct, frozen=True):
    """One more try is counted against this limit, for whoever the key stands for: an address, an account."""

    limit: str
    key: str


class Standing(msgspec.Struct, frozen=True):
    """Where somebody stands with the tightest of their limits."""

    limit: int
    """How many tries it allows at once."""
    remaining: int
    """How many of these are left now."""
    reset_seconds: int
    """Until all of them are there again."""


class RateLimited(Exception):
    """There have been too many tries; nothing was tried this time."""

    def __init__(self, standing: Standing, *, retry_after_seconds: int) -> None:
        super().__init__(f"There have been too many tries; try again in {retry_after_seconds} s.")
        self.standing, self.retry_after_seconds = standing, retry_after_seconds


class Throttles(Protocol):
    """The counters, and who is familiar. Whatever is stored of a key is a keyed digest of it."""

    async def take(self, *claims: Claim) -> Standing:
        """Count one try against every claim in turn; one that refuses leaves those after it uncounted.

        Claims come in the same order everywhere, addresses before accounts: so nobody exhausts somebody else's limit
        with tries that are refused for their own, and no two wait for each other.

        Raises RateLimited, ValueError for a limit that there is not.
        """
        ...

    async def forget(self, *claims: Claim) -> None:
        """As if nothing had been tried. Raises ValueError for a limit that there is not."""
        ...

    async def befriend(self, key: str, *, days: int) -> None:
        """Remember a key for so long from now."""
        ...

    async def is_familiar(self, key: str) -> bool:
        """Whether it is remembered."""
        ...
