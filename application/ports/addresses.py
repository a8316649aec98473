"""What an e-mail address and a phone number are, and when two are the same."""

from typing import Protocol


class AddressInvalid(Exception):
    """It is no e-mail address; the message says why."""


class Addresses(Protocol):
    """E-mail addresses."""

    def canonical(self, email: str) -> str:
        """The one spelling of the address under which it is claimed. Raises AddressInvalid."""
        ...


class NumberInvalid(Exception):
    """It is no phone number; the message says why."""


class PhoneNumbers(Protocol):
    """Phone numbers."""

    def canonical(self, phone: str) -> str:
        """The number in E.164, under which it is claimed. Raises NumberInvalid."""
        ...
