"""The keys that wrap all other keys, named so that a new one can take over from an old one.

The first one wraps and all of them unwrap, so a new key is put in front. What must never change, such as the key of
the blind index, is derived from the last one, the oldest: it stays in its place for good, also once `rewrap` has left
nothing wrapped by it.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.crypto.ciphers import KEY_BYTES, AesGcmCipher
from application.ports.vault import SealBroken

NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")


class MasterKeysInvalid(ValueError):
    """These master keys cannot be used; the message is one line, says why and shows no key."""


class MasterKeyMissing(Exception):
    """A key is wrapped by a master key that is not among those given."""


class WrappedKey(NamedTuple):
    """A key as it is stored; `kid` names the master key around it."""

    sealed: bytes
    kid: str


class MasterKeys:
    """Master keys of 32 bytes by name, in the order that matters: the first wraps, the last one is the oldest."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """Raises MasterKeysInvalid."""
        _refuse_unusable(keys)
        self._wrapping = {kid: AesGcmCipher(derived_key(key, purpose="wrapping")) for kid, key in keys.items()}
        self._oldest = list(keys.values())[-1]
        self.kids = tuple(keys)
        self.current_kid, self.oldest_kid = self.kids[0], self.kids[-1]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `kid:base64,kid:base64`, newest first. Raises MasterKeysInvalid."""
        keys: dict[str, bytes] = {}
        for kid, key in _entries(text):
            if kid in keys:
                raise MasterKeysInvalid(f"two master keys are named {kid!r}")
            keys[kid] = key
        return cls(keys)

    def wrap(self, key: bytes, *, purpose: str, id: str) -> WrappedKey:
        kid = self.current_kid
        return WrappedKey(self._wrapping[kid].seal(key, _place(purpose, id, kid)), kid)

    def unwrap(self, wrapped: WrappedKey, *, purpose: str, id: str) -> bytes:
        """Raises MasterKeyMissing, and SealBroken where purpose, id or master key is not the one it was wrapped by."""
        cipher = self._wrapping.get(wrapped.kid)
        if cipher is None:
            raise MasterKeyMissing(
                f"the key of {purpose} {id} is wrapped by master key {wrapped.kid!r}, which is not given in MASTER_KEYS"
            )
        try:
            return cipher.open(wrapped.sealed, _place(purpose, id, wrapped.kid))
        except SealBroken as broken:
            raise SealBroken(
                f"the key of {purpose} {id} does not open under master key {wrapped.kid!r}: {broken}"
            ) from None

    def lasting_key(self, purpose: str) -> bytes:
        """32 bytes for one purpose that stay the same however many newer keys are put in front."""
        return derived_key(self._oldest, purpose=purpose)


def derived_key(key: bytes, *, purpose: str) -> bytes:
    """32 bytes by HKDF-SHA256 (RFC 5869): keys for two purposes tell nothing of each other."""
    return HKDF(SHA256(), length=KEY_BYTES, salt=None, info=f"streamly/{purpose}".encode()).derive(key)


def _place(purpose: str, id: str, kid: str) -> bytes:
    # Neither a purpose nor a kid holds a bar, so no two places are written alike.
    return f"{purpose}|{id}|{kid}".encode()


def _entries(text: str) -> Iterator[tuple[str, bytes]]:
    for number, entry in enumerate(text.split(","), start=1):
        kid, colon, encoded = entry.strip().partition(":")
        if not colon or not encoded:
            raise MasterKeysInvalid(f"master key {number} is not written as kid:base64")
        try:
            yield kid, base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise MasterKeysInvalid(f"master key {number} is not base64 after the colon") from None


def _refuse_unusable(keys: Mapping[str, bytes]) -> None:
    if not keys:
        raise MasterKeysInvalid("no master key is given")
    for number, (kid, key) in enumerate(keys.items(), start=1):
        if not NAME.fullmatch(kid):
            raise MasterKeysInvalid(f"the name of master key {number} is not made of 1 to 32 of A-Z a-z 0-9 . _ -")
        if len(key) != KEY_BYTES:
            raise MasterKeysInvalid(f"master key {kid!r} has {len(key)} bytes instead of {KEY_BYTES}")
    for (one, key), (other, same) in combinations(keys.items(), 2):
        if key == same:
            raise MasterKeysInvalid(f"master keys {one!r} and {other!r} are the same key")
