"""The keys that were just asked for, held in memory for a minute at most."""

from collections.abc import Callable, Iterable, Mapping

from application.ports.vault import Cipher

REMEMBERED_MAX = 10_000
REMEMBERED_SECONDS = 60.0

Place = tuple[str, str]
"""The kind and the id of a key, as in the vault."""


class RecentKeys:
    """Ciphers by place, None for a key that has been shredded; the one kept longest ago makes room for the next."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[Place, tuple[float, Cipher | None]] = {}

    def of(self, places: Iterable[Place]) -> dict[Place, Cipher | None]:
        """Those of the places that are known and fresh."""
        now = self._clock()
        fresh: dict[Place, Cipher | None] = {}
        for place in places:
            good_until, cipher = self._kept.get(place, (now, None))
            if good_until > now:
                fresh[place] = cipher
        return fresh

    def keep(self, found: Mapping[Place, Cipher | None]) -> None:
        good_until = self._clock() + REMEMBERED_SECONDS
        for place, cipher in found.items():
            if cipher and self._is_shredded(place):
                # It was read before the shredding, and arrives after it.
                continue
            self._kept.pop(place, None)
            self._kept[place] = (good_until, cipher)
        while len(self._kept) > REMEMBERED_MAX:
            del self._kept[next(iter(self._kept))]

    def _is_shredded(self, place: Place) -> bool:
        return place in self._kept and self._kept[place][1] is None
