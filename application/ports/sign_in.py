"""Who may sign in, and where they are signed in: operational rows, in real time."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec


class Credential(msgspec.Struct, frozen=True):
    """What a password is checked against."""

    account_id: UUID
    password_hash: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One place where somebody is signed in, with its role as the ledger has it now."""

    session_id: UUID
    account_id: UUID
    role: str
    disabled: bool


class RefreshReused(Exception):
    """A refresh token was spent before: its session is ended now."""


class SignIns(Protocol):
    """Credentials and sessions."""

    async def credential(self, email_index: bytes) -> Credential | None:
        """The credential claimed under the blind index of an address."""
        ...

    async def open_session(
        self, *, session_id: UUID, account_id: UUID, refresh_digest: bytes, now: datetime, expires_at: datetime
    ) -> None: ...

    async def rotate(self, *, spent: bytes, new: bytes, now: datetime, expires_at: datetime) -> Session | None:
        """Spend one refresh token for the next, at once or not at all; None: unknown, over or ended.

        Raises RefreshReused when it was spent before.
        """
        ...

    async def end_session(self, refresh_digest: bytes, *, now: datetime) -> None:
        """Does nothing where there is none."""
        ...

    async def session(self, session_id: UUID, *, now: datetime) -> Session | None:
        """The session, if it is live."""
        ...
