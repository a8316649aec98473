"""Who may sign in, and where they are signed in: operational rows, in real time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from application.ports.ledger import GuardedRow


class Credential(msgspec.Struct, frozen=True):
    """What a password is checked against, and the epoch of the account's sign-ins in which it was the password."""

    account_id: UUID
    password_hash: str
    epoch: int = 0


class Holder(msgspec.Struct, frozen=True):
    """Whose an address or a number is, and the epoch of the account's sign-ins in which it was theirs."""

    account_id: UUID
    epoch: int = 0
    disabled: bool = False


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One place where somebody is signed in, with its role as the ledger has it now."""

    session_id: UUID
    account_id: UUID
    role: str
    disabled: bool
    started_at: datetime
    expires_at: datetime


class SignedInPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place where somebody is signed in, as they see it; a later sign-in has a higher `number`."""

    session_id: UUID
    number: int
    started_at: datetime
    refreshed_at: datetime | None
    expires_at: datetime


class RefreshReused(Exception):
    """A refresh token was spent before: its session is ended now. `recorded`: the ledger says so already."""

    def __init__(self, session_id: UUID, account_id: UUID, *, recorded: bool) -> None:
        super().__init__(f"session {session_id}")
        self.session_id, self.account_id, self.recorded = session_id, account_id, recorded


class SignIns(Protocol):
    """Credentials and sessions. A session of an earlier epoch than its account's is as good as ended."""

    async def credential(self, email_index: bytes) -> Credential | None:
        """The credential claimed under the blind index of an address."""
        ...

    async def credential_of(self, account_id: UUID) -> Credential | None:
        """The credential of an account; None where it has no password."""
        ...

    async def account_at(self, kind: str, index: bytes) -> UUID | None:
        """Whose address or number it is: the account that holds the claim under this blind index."""
        ...

    async def holder(self, kind: str, index: bytes) -> Holder | None:
        """The same, for whoever is to get in by it: now, or by what is sent to it."""
        ...

    async def open_session(
        self,
        *,
        session_id: UUID,
        account_id: UUID,
        epoch: int,
        refresh_digest: bytes,
        now: datetime,
        expires_at: datetime,
    ) -> Session | None:
        """Open a session, of an account that is not disabled: else none is opened, and the answer says so.

        None: the account is in another epoch by now, unknown, or erased. Never is one left that an erasure has missed.
        """
        ...

    async def rotate(
        self, *, spent: bytes, new: bytes, now: datetime, expires_at: datetime, longest: timedelta
    ) -> Session | None:
        """Spend one refresh token for the next, at once or not at all; None: unknown, over or ended.

        The session lasts until `expires_at`, and no longer than `longest` from its start.
        Raises RefreshReused when the token was spent before.
        """
        ...

    def reuse_recorded(self, session_id: UUID) -> GuardedRow:
        """The row by which an append says that it records the reuse: of two appends the second fails with RowMoved."""
        ...

    def kept(self, session_id: UUID, account_id: UUID, *, epoch: int) -> GuardedRow:
        """The row by which an append that begins a new epoch takes one session along into it, from the one before."""
        ...

    async def end_session(self, refresh_digest: bytes, *, now: datetime) -> None:
        """Does nothing where there is none."""
        ...

    async def end_place(self, session_id: UUID, account_id: UUID, *, now: datetime) -> bool:
        """False where this account is not signed in there."""
        ...

    async def session(self, session_id: UUID, *, now: datetime) -> Session | None:
        """The session, if it is live."""
        ...

    async def places(
        self, account_id: UUID, *, before: int | None, limit: int, now: datetime
    ) -> Sequence[SignedInPlace]:
        """Where the account is signed in, newest first; with `before`, those of a lower number."""
        ...
