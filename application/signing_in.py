"""Signing in by password, staying signed in, signing out, and where one is signed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.errors import NotFound, NotSignedIn
from application.ports.addresses import Addresses, AddressInvalid
from application.ports.ledger import RowMoved, StreamMoved
from application.ports.secrets import AccessTokens, BlindIndex, Passwords, RefreshTokens, SignedIn, TokenInvalid
from application.ports.sign_in import RefreshReused, Session, SignedInPlace, SignIns
from application.ports.world import Clock, Identifiers
from application.recall import Asked, Records, again_when_moved
from application.tracing import note_account
from domain.account.account import Account
from domain.shared.fact import NOBODY, Cause

SESSION_IDLE = timedelta(days=30)
"""So long a session lasts after it was opened or refreshed,"""
SESSION_LONGEST = timedelta(days=90)
"""and so long in all: then one signs in again."""


class InvalidCredentials(NotSignedIn):
    """The address and the password do not belong together; which of them is wrong is not said."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.", "invalid_credentials")


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a client holds while it is signed in; `expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningIn:
    """Use cases of sign-in; `real_time` since it is about the world outside."""

    records: Records
    sign_ins: SignIns
    passwords: Passwords
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    blind_index: BlindIndex
    addresses: Addresses
    real_time: Clock
    identifiers: Identifiers

    async def sign_in(self, *, email: str, password: str) -> Tokens:
        """Raises InvalidCredentials, for an unknown address as for a wrong password, in the same time; TooBusy."""
        try:
            index = self.blind_index.of("email", self.addresses.canonical(email))
        except AddressInvalid:
            index = b""
        credential = await self.sign_ins.credential(index)
        note_account(credential.account_id if credential else None)
        good = await self.passwords.verify(password, credential.password_hash if credential else None)
        if credential is None or not good:
            raise InvalidCredentials
        return await self.open_session(credential.account_id, epoch=credential.epoch)

    async def open_session(self, account_id: UUID, *, epoch: int | None = None) -> Tokens:
        """Sign the account in, without asking for anything.

        `epoch` is that of its sign-ins when it proved itself; None: that in which it is now.
        Raises NotSignedIn: `account_disabled`, or `session_ended` where there is a new password since; NotFound.
        """
        note_account(account_id)
        if epoch is None:
            epoch = (await self.records.recall(Account, account_id)).existing().sign_in_epoch
        now = self.real_time.now()
        session_id, refresh = self.identifiers.new(), self.refresh_tokens.new()
        session = await self.sign_ins.open_session(
            session_id=session_id,
            account_id=account_id,
            epoch=epoch,
            refresh_digest=self.refresh_tokens.digest(refresh),
            now=now,
            expires_at=now + SESSION_IDLE,
        )
        if session is None:
            raise NotSignedIn("This session has ended.", "session_ended")
        if session.disabled:
            raise NotSignedIn("This account is disabled.", "account_disabled")
        return self._tokens(session, refresh)

    def _tokens(self, session: Session, refresh: str) -> Tokens:
        now = self.real_time.now()
        signed_in = SignedIn(
            account_id=session.account_id,
            session_id=session.session_id,
            role=session.role,
            expires_at=min(session.expires_at, now + self.access_tokens.ttl),
        )
        return Tokens(
            access_token=self.access_tokens.issue(signed_in, now=now),
            refresh_token=refresh,
            expires_in=int((signed_in.expires_at - now).total_seconds()),
        )

    async def refresh(self, refresh_token: str, *, cause: Cause) -> Tokens:
        """The next pair of tokens. Raises NotSignedIn: `invalid_token`, or `token_reused` when it was spent before."""
        now, following = self.real_time.now(), self.refresh_tokens.new()
        try:
            session = await self.sign_ins.rotate(
                spent=self.refresh_tokens.digest(refresh_token),
                new=self.refresh_tokens.digest(following),
                now=now,
                expires_at=now + SESSION_IDLE,
                longest=SESSION_LONGEST,
            )
        except RefreshReused as reused:
            note_account(reused.account_id)
            await self._record(reused, cause)
            raise NotSignedIn("This token was used before; sign in again.", "token_reused") from None
        note_account(session.account_id if session else None)
        if session is None or session.disabled:
            raise NotSignedIn("Sign in again.", "invalid_token")
        return self._tokens(session, following)

    async def _record(self, reused: RefreshReused, cause: Cause) -> None:
        """Once to a session, whoever of those that come with a copy is first; a try that failed is left to the next."""

        async def once() -> None:
            recalled = await self.records.recall(Account, reused.account_id)
            if recalled.state is None:
                return
            told = recalled.state.end_copied_sign_in(reused.session_id)
            mark = self.sign_ins.reuse_recorded(reused.session_id)
            await self.records.append(Asked(NOBODY, cause), (recalled, told), rows=[mark])

        if reused.recorded:
            return
        try:
            await again_when_moved(once)
        except (RowMoved, StreamMoved):
            return

    async def sign_out(self, refresh_token: str) -> None:
        """End the session; a token that means nothing is as good as ended."""
        await self.sign_ins.end_session(self.refresh_tokens.digest(refresh_token), now=self.real_time.now())

    async def who_is(self, access_token: str) -> SignedIn:
        """Whom a token speaks for; the role is the ledger's, not the token's. Raises NotSignedIn."""
        claimed = self.claimed(access_token)
        return self.confirmed(claimed, await self.sign_ins.session(claimed.session_id, now=self.real_time.now()))

    async def still(self, viewer: SignedIn) -> bool:
        """Whether who began something may go on with it: signed in as then, in the same role. The token may be over."""
        session = await self.sign_ins.session(viewer.session_id, now=self.real_time.now())
        try:
            return self.confirmed(viewer, session).role == viewer.role
        except NotSignedIn:
            return False

    def claimed(self, access_token: str) -> SignedIn:
        """Whom a token says that it speaks for, before its session is looked at. Raises NotSignedIn."""
        try:
            claimed = self.access_tokens.verify(access_token, now=self.real_time.now())
        except TokenInvalid:
            raise NotSignedIn("The access token is not good, or over.", "invalid_token") from None
        note_account(claimed.account_id)
        return claimed

    def confirmed(self, claimed: SignedIn, session: Session | None) -> SignedIn:
        """By the session that the token names, as it is now; None: it has ended. Raises NotSignedIn."""
        if session is None or session.disabled or session.account_id != claimed.account_id:
            raise NotSignedIn("This session has ended.", "session_ended")
        if session.expires_at <= self.real_time.now():
            raise NotSignedIn("This session has ended.", "session_ended")
        return claimed if claimed.role == session.role else replace(claimed, role=session.role)

    async def places(self, account_id: UUID, *, before: int | None, limit: int) -> Sequence[SignedInPlace]:
        """Where the account is signed in, newest first; `before`: the number of the last one seen."""
        return await self.sign_ins.places(account_id, before=before, limit=limit, now=self.real_time.now())

    async def sign_out_of(self, account_id: UUID, session_id: UUID) -> None:
        """End one session of this account. Raises NotFound where it is not signed in there."""
        if not await self.sign_ins.end_place(session_id, account_id, now=self.real_time.now()):
            raise NotFound
