"""Who is limited in what: everybody by the network they come from, and what is tried on one account by that account."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

import msgspec

from application.ports.addresses import Addresses, AddressInvalid, NumberInvalid, PhoneNumbers
from application.ports.throttles import Claim, Standing, Throttles

FAMILIAR_DAYS = 90
IPV6_NETWORK_BITS = 64
"""What one customer of a provider has at least: each of its addresses is as good as any other."""


class Subject(msgspec.Struct, frozen=True):
    """What is tried on: an account, or who it is that they say they are."""

    kind: Literal["email", "phone", "account"]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """The limits of an action are named after it: `login_peer`, `login_account` and `login_familiar`."""

    throttles: Throttles
    addresses: Addresses
    numbers: PhoneNumbers
    limits: Collection[str]

    async def admit(self, action: str, *, peer: str, subject: Subject | None = None) -> Standing:
        """Count one try of an action. Raises RateLimited.

        What is tried on an account from a network from which it has been signed in to is counted apart. So whoever
        guesses from many addresses is slowed by one limit for all of them, and never stands in the owner's way.
        """
        network = network_of(peer)
        claims = [Claim(f"{action}_peer", network)]
        if subject is not None:
            claims.append(await self._of_subject(action, self._spelt(subject), network))
        return await self.throttles.take(*claims)

    async def _of_subject(self, action: str, subject: str, network: str) -> Claim:
        if f"{action}_familiar" in self.limits and await self.throttles.is_familiar(_key(subject, network)):
            return Claim(f"{action}_familiar", _key(subject, network))
        return Claim(f"{action}_account", subject)

    async def forget(self, *subjects: Subject) -> None:
        """What was tried on them, but from familiar networks: nobody knows from which, and that is over in 90 days."""
        limits = [limit for limit in self.limits if limit.endswith("_account")]
        await self.throttles.forget(*(Claim(limit, self._spelt(subject)) for limit in limits for subject in subjects))

    async def befriend(self, *, peer: str, subject: Subject) -> None:
        """Somebody has signed in from there."""
        await self.throttles.befriend(_key(self._spelt(subject), network_of(peer)), days=FAMILIAR_DAYS)

    async def is_familiar(self, *, peer: str, subject: Subject) -> bool:
        """Whether somebody has, lately."""
        return await self.throttles.is_familiar(_key(self._spelt(subject), network_of(peer)))

    def _spelt(self, subject: Subject) -> str:
        """Alike, however it is written; what is no address and no number is refused further on."""
        value = subject.value.strip().casefold()
        match subject.kind:
            case "email":
                with suppress(AddressInvalid):
                    value = self.addresses.canonical(subject.value)
            case "phone":
                with suppress(NumberInvalid):
                    value = self.numbers.canonical(subject.value)
            case "account":
                pass
        return f"{subject.kind} {value}"


def _key(subject: str, network: str) -> str:
    return f"{subject} from {network}"


def network_of(peer: str) -> str:
    """The address of IPv4, the network of IPv6; what is neither is taken as it is."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address.packed, IPV6_NETWORK_BITS), strict=False))
    return str(address)
