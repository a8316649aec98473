"""Refresh tokens: long random words of which only the digest is stored."""

import hashlib
import secrets

PREFIX = "streamly_refresh_"
RANDOM_BYTES = 32


class RandomRefreshTokens:
    """256 random bits, after a prefix by which a scanner for leaked secrets knows them."""

    def new(self) -> str:
        return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)

    def digest(self, token: str) -> bytes:
        """SHA-256; salt and slowness would add nothing to 256 random bits."""
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
