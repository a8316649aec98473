"""The keys under which personal data is encrypted; without its key a field reads as null for ever."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID


class SealBroken(Exception):
    """The bytes were not sealed under this key for this context: changed, moved or cut."""


class Cipher(Protocol):
    """Authenticated encryption under one key; `context` names where the value lives, so that it cannot be moved."""

    def seal(self, plaintext: bytes, context: bytes) -> bytes: ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises SealBroken."""
        ...


class Vault(Protocol):
    """Keeps the keys, each wrapped by a master key, apart from what they encrypt."""

    async def of_persons(self, persons: Collection[UUID], *, create: bool = False) -> Mapping[UUID, Cipher]:
        """The ciphers of these persons, without those who have been erased.

        With `create` the others get a key, committed before it is handed out; without it who has none is absent too.
        """
        ...

    async def of_inbox(self, month: str) -> Cipher:
        """The cipher for webhook bodies received in a month, such as `2026-11`; made at first use."""
        ...

    async def of_letters(self, month: str) -> Cipher:
        """The cipher for letters and codes of a month to people who have no account; made at first use."""
        ...

    async def shred(self, person: UUID) -> None:
        """Destroys this person's key for good, and keeps one from ever being made; doing it again changes nothing.

        Another process may hold the key in memory for a minute more.
        """
        ...
