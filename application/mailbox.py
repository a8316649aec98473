"""The development mailbox: the mails and text messages that would have gone out."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.ports.addresses import Addresses, AddressInvalid
from application.ports.letters import Letters, Written

SHOWN_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """There is none in production."""

    letters: Letters
    addresses: Addresses

    async def read(self, to: str | None) -> Sequence[Written]:
        """The newest 100 to an address or a number in any spelling, or to all, newest first."""
        return await self.letters.written(to and self._canonical(to), limit=SHOWN_MAX)

    def _canonical(self, to: str) -> str:
        if "@" not in to:
            # In a query a plus that nobody has quoted is a space.
            return "+" + "".join(filter(str.isdecimal, to))
        try:
            return self.addresses.canonical(to)
        except AddressInvalid:
            return to
