"""Passwords, sign-in tokens and the blind index in memory: the same promises, and nothing that takes time."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import msgspec

from application.ports.secrets import SignedIn, TokenInvalid

COMMON_PASSWORDS = frozenset({"password123", "1234567890", "qwertyuiop"})


class MemoryPasswords:
    """Salted SHA-256: fine for a test, and for nothing else."""

    async def hash(self, password: str) -> str:
        return _hashed(password, salt=secrets.token_hex(8))

    async def verify(self, password: str, hashed: str | None) -> bool:
        return hashed is not None and hashed == _hashed(password, salt=hashed.partition("$")[0])

    async def is_weak(self, password: str, *, known: tuple[str, ...] = ()) -> bool:
        return password.casefold() in COMMON_PASSWORDS.union(word.casefold() for word in known)


class MemoryAccessTokens:
    """Random words, and the list of whom they speak for."""

    def __init__(self, ttl: timedelta = timedelta(minutes=15)) -> None:
        self._ttl = ttl
        self._issued: dict[str, SignedIn] = {}

    @property
    def ttl(self) -> timedelta:
        return self._ttl

    def issue(self, signed_in: SignedIn, *, now: datetime) -> str:
        token = f"memory-access-{secrets.token_hex(16)}"
        until = min(signed_in.expires_at, now + self._ttl).replace(microsecond=0)
        self._issued[token] = msgspec.structs.replace(signed_in, expires_at=until)
        return token

    def verify(self, token: str, *, now: datetime) -> SignedIn:
        signed_in = self._issued.get(token)
        if signed_in is None or signed_in.expires_at <= now:
            raise TokenInvalid("unknown, or over")
        return signed_in


class MemoryRefreshTokens:
    """Random words and their SHA-256."""

    def new(self) -> str:
        return f"memory-refresh-{secrets.token_hex(32)}"

    def digest(self, token: str) -> bytes:
        return hashlib.sha256(token.encode()).digest()


class MemoryBlindIndex:
    """HMAC under a key of this instance."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._key, repr((kind, value)).encode(), "sha256")


def _hashed(password: str, *, salt: str) -> str:
    return f"{salt}${hashlib.sha256(f'{salt}{password}'.encode()).hexdigest()}"
