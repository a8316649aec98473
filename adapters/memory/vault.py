"""The vault in memory."""

import os
from collections.abc import Collection, Mapping
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.ports.vault import Cipher, SealBroken

NONCE_BYTES = 12


class MemoryCipher:
    """Seals for real, so that a test can look for what must not be readable."""

    def __init__(self) -> None:
        self._aes = AESGCM(AESGCM.generate_key(256))

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        try:
            return self._aes.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise SealBroken("changed, moved, cut or sealed under another key") from None


class MemoryVault:
    """Keys in dicts; a shredded person has None in the place of a key, for good."""

    def __init__(self) -> None:
        self._persons: dict[UUID, Cipher | None] = {}
        self._inbox: dict[str, Cipher] = {}
        self._letters: dict[str, Cipher] = {}

    async def of_persons(self, persons: Collection[UUID], *, create: bool = False) -> Mapping[UUID, Cipher]:
        if create:
            for person in persons:
                self._persons.setdefault(person, MemoryCipher())
        return {person: cipher for person in persons if (cipher := self._persons.get(person))}

    async def of_inbox(self, month: str) -> Cipher:
        return self._inbox.setdefault(month, MemoryCipher())

    async def of_letters(self, month: str) -> Cipher:
        return self._letters.setdefault(month, MemoryCipher())

    async def shred(self, person: UUID) -> None:
        self._persons[person] = None
