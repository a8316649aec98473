"""Throttles in memory, for one process and as long as it lives."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor
from time import monotonic

from application.ports.throttles import Claim, Rate, RateLimited, Standing

DAY_SECONDS = 86_400


class MemoryThrottles:
    """`clock` gives seconds that never run back."""

    def __init__(self, limits: Mapping[str, Sequence[Rate]], clock: Callable[[], float] = monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._full_again: dict[tuple[str, Rate, str], float] = {}
        self._familiar: dict[str, float] = {}

    async def take(self, *claims: Claim) -> Standing:
        for claim in claims:
            if claim.limit not in self._limits:
                raise ValueError(f"there is no limit named {claim.limit}")
        standings = [self._take(claim, rate) for claim in claims for rate in self._limits[claim.limit]]
        return min(standings, key=lambda standing: standing.remaining)

    def _take(self, claim: Claim, rate: Rate) -> Standing:
        now, interval, cell = self._clock(), rate.seconds / rate.count, (claim.limit, rate, claim.key)
        before = max(self._full_again.get(cell, now), now) - now
        ahead = before + interval
        if ahead > rate.seconds + 1e-6:
            wait = max(1, ceil(ahead - rate.seconds))
            raise RateLimited(Standing(rate.count, 0, max(1, ceil(before))), retry_after_seconds=wait)
        self._full_again[cell] = now + ahead
        return Standing(rate.count, max(0, floor((rate.seconds - ahead) / interval + 1e-6)), ceil(ahead))

    async def forget(self, *claims: Claim) -> None:
        for claim in claims:
            for rate in self._limits[claim.limit]:
                self._full_again.pop((claim.limit, rate, claim.key), None)

    async def befriend(self, key: str, *, days: int) -> None:
        self._familiar[key] = self._clock() + days * DAY_SECONDS

    async def is_familiar(self, key: str) -> bool:
        return self._familiar.get(key, 0.0) > self._clock()
