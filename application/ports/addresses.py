"""Postal rules of the network: what an address is, and when two are the same."""

from typing import Protocol


class AddressInvalid(Exception):
    """It is no e-mail address; the message says why."""


class Addresses(Protocol):
    """E-mail addresses."""

    def canonical(self, email: str) -> str:
        """The one spelling of the address under which it is claimed. Raises AddressInvalid."""
        ...
