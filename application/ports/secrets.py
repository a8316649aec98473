"""Passwords, sign-in tokens and the keyed index under which a claim is found without showing what it is."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who a good access token speaks for."""

    account_id: UUID
    session_id: UUID
    role: str
    expires_at: datetime


class TokenInvalid(Exception):
    """Not one of our access tokens, changed, or over."""


class TooBusy(Exception):
    """The bounded pool that hashes passwords is full; try again in `retry_after_seconds`."""

    retry_after_seconds = 1


class Passwords(Protocol):
    """Slow hashing and slow guessing, in a bounded pool, off the event loop."""

    async def hash(self, password: str) -> str:
        """Raises TooBusy."""
        ...

    async def verify(self, password: str, hashed: str | None) -> bool:
        """As slow for an unknown account (None) as for a known one. Raises TooBusy."""
        ...

    async def is_weak(self, password: str, *, known: tuple[str, ...] = ()) -> bool:
        """Whether it is among the passwords that are tried first, or is made of what is `known` about the account.

        Raises TooBusy.
        """
        ...


class AccessTokens(Protocol):
    """Short-lived tokens that say who is asking; times are real time, in whole seconds."""

    @property
    def ttl(self) -> timedelta:
        """The longest that a token is good for."""
        ...

    def issue(self, signed_in: SignedIn, *, now: datetime) -> str:
        """Good until `expires_at`, or for `ttl` from now where that is sooner."""
        ...

    def verify(self, token: str, *, now: datetime) -> SignedIn:
        """Raises TokenInvalid."""
        ...


class RefreshTokens(Protocol):
    """Long random words; only their digest is ever stored."""

    def new(self) -> str: ...

    def digest(self, token: str) -> bytes: ...


class BlindIndex(Protocol):
    """A keyed digest: equal values meet under UNIQUE, and nobody without the key can tell what they are."""

    def of(self, kind: str, value: str) -> bytes: ...
