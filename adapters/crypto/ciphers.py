"""Authenticated encryption by AES-256-GCM, each sealed value beginning with the version of its format."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.ports.vault import SealBroken

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
VERSION = b"\x01"
OVERHEAD_BYTES = len(VERSION) + NONCE_BYTES + TAG_BYTES


class AesGcmCipher:
    """Sealed is: version (1 byte), nonce (12), ciphertext (as long as the plaintext), tag (16).

    Nonces are random, which NIST SP 800-38D (8.3) allows for 2**32 values under one key.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key of AES-256 has {KEY_BYTES} bytes, this one has {len(key)}")
        self._aes = AESGCM(key)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return VERSION + nonce + self._aes.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises SealBroken."""
        if len(sealed) < OVERHEAD_BYTES or sealed[:1] != VERSION:
            raise SealBroken("cut short, or not in a format that is known")
        nonce, ciphertext = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._aes.decrypt(nonce, ciphertext, context)
        except InvalidTag:
            raise SealBroken("changed, moved, or sealed under another key") from None
