"""Accounts and sign-in: register, sign in, stay signed in, sign out."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.errors import NotSignedIn
from application.ports.addresses import Addresses, AddressInvalid
from application.ports.ledger import GuardedRow, Insert, Position, RowTaken
from application.ports.secrets import AccessTokens, BlindIndex, Passwords, RefreshTokens, SignedIn, TokenInvalid
from application.ports.sign_in import RefreshReused, Session, SignIns
from application.ports.world import Clock, Identifiers
from application.recall import Asked, Decided, Recalled, Records
from domain.account.account import Account, EmailTaken, Role
from domain.shared.fact import Actor, Cause, Refusal

SESSION_LIFE = timedelta(days=30)
PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 128


class WeakPassword(Refusal):
    """Too short, too long, or among the first that somebody would try."""


class EmailInvalid(Refusal):
    """It is no e-mail address."""


class InvalidCredentials(NotSignedIn):
    """The address and the password do not belong together; which of them is wrong is not said."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.", "invalid_credentials")


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a client holds while it is signed in; `expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


class Registered(msgspec.Struct, frozen=True):
    """A new account, and where the ledger stands after it."""

    account: Account
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Use cases of accounts; `real_time` since sign-in is about the world outside."""

    records: Records
    sign_ins: SignIns
    passwords: Passwords
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    blind_index: BlindIndex
    addresses: Addresses
    real_time: Clock
    identifiers: Identifiers

    async def register(
        self,
        *,
        email: str,
        password: str,
        name: str | None,
        cause: Cause,
        role: Role = "viewer",
        by: Actor | None = None,
    ) -> Registered:
        """Make an account; `by` None: the person registers by themselves.

        Raises:
            EmailInvalid, WeakPassword, EmailTaken, TooBusy.
        """
        canonical = self._canonical(email)
        self._refuse_weak(password, email=canonical, name=name)
        account_id = self.identifiers.new()
        rows = await self._claims(account_id, canonical, password)
        facts = Account.register(account_id=account_id, email=canonical, name=name, role=role)
        asked = Asked(by or Actor("viewer", str(account_id)), cause)
        try:
            decided = await self.records.append(asked, (Recalled(account_id, None, 0), facts), rows=rows)
        except RowTaken:
            raise EmailTaken("Somebody has registered with this address.") from None
        return Registered(await self.account(account_id), decided.position)

    def _canonical(self, email: str) -> str:
        try:
            return self.addresses.canonical(email)
        except AddressInvalid as reason:
            raise EmailInvalid(str(reason)) from reason

    def _refuse_weak(self, password: str, *, email: str, name: str | None) -> None:
        if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
            raise WeakPassword(f"A password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters.")
        if self.passwords.is_weak(password, known=(email, name or "")):
            raise WeakPassword("This password is among the first that somebody would try.")

    async def _claims(self, account_id: UUID, email: str, password: str) -> list[GuardedRow]:
        hashed = await self.passwords.hash(password)
        claim = {"kind": "email", "blind_index": self.blind_index.of("email", email), "owner": account_id}
        return [Insert("claims", claim), Insert("credentials", {"account_id": account_id, "password_hash": hashed})]

    async def change_role(self, account_id: UUID, role: Role, asked: Asked) -> Decided:
        """Raises NotFound."""
        return await self.records.decide(Account, account_id, asked, lambda account: account.change_role(role))

    async def disable(self, account_id: UUID, *, reason: str, asked: Asked) -> Decided:
        """End every way in, and all access with it, at once. Raises NotFound."""
        return await self.records.decide(Account, account_id, asked, lambda account: account.disable(reason=reason))

    async def enable(self, account_id: UUID, *, reason: str, asked: Asked) -> Decided:
        """Raises NotFound."""
        return await self.records.decide(Account, account_id, asked, lambda account: account.enable(reason=reason))

    async def sign_in(self, *, email: str, password: str) -> Tokens:
        """Raises InvalidCredentials, for an unknown address as for a wrong password, in the same time; TooBusy."""
        try:
            index = self.blind_index.of("email", self.addresses.canonical(email))
        except AddressInvalid:
            index = b""
        credential = await self.sign_ins.credential(index)
        good = await self.passwords.verify(password, credential.password_hash if credential else None)
        if credential is None or not good:
            raise InvalidCredentials
        return await self.open_session(credential.account_id)

    async def open_session(self, account_id: UUID) -> Tokens:
        """Sign the account in, without asking for anything."""
        now = self.real_time.now()
        session_id, refresh = self.identifiers.new(), self.refresh_tokens.new()
        await self.sign_ins.open_session(
            session_id=session_id,
            account_id=account_id,
            refresh_digest=self.refresh_tokens.digest(refresh),
            now=now,
            expires_at=now + SESSION_LIFE,
        )
        session = await self.sign_ins.session(session_id, now=now)
        if session is None or session.disabled:
            raise NotSignedIn("This account is disabled.", "account_disabled")
        return self._tokens(session, refresh)

    def _tokens(self, session: Session, refresh: str) -> Tokens:
        now = self.real_time.now()
        signed_in = SignedIn(
            account_id=session.account_id,
            session_id=session.session_id,
            role=session.role,
            expires_at=now + self.access_tokens.ttl,
        )
        return Tokens(
            access_token=self.access_tokens.issue(signed_in, now=now),
            refresh_token=refresh,
            expires_in=int(self.access_tokens.ttl.total_seconds()),
        )

    async def refresh(self, refresh_token: str) -> Tokens:
        """The next pair of tokens. Raises NotSignedIn: `invalid_token`, or `token_reused` when it was spent before."""
        now, following = self.real_time.now(), self.refresh_tokens.new()
        try:
            session = await self.sign_ins.rotate(
                spent=self.refresh_tokens.digest(refresh_token),
                new=self.refresh_tokens.digest(following),
                now=now,
                expires_at=now + SESSION_LIFE,
            )
        except RefreshReused:
            raise NotSignedIn("This token was used before; sign in again.", "token_reused") from None
        if session is None or session.disabled:
            raise NotSignedIn("Sign in again.", "invalid_token")
        return self._tokens(session, following)

    async def sign_out(self, refresh_token: str) -> None:
        """End the session; a token that means nothing is as good as ended."""
        await self.sign_ins.end_session(self.refresh_tokens.digest(refresh_token), now=self.real_time.now())

    async def who_is(self, access_token: str) -> SignedIn:
        """Whom a token speaks for; the role is the ledger's, not the token's. Raises NotSignedIn."""
        now = self.real_time.now()
        try:
            claimed = self.access_tokens.verify(access_token, now=now)
        except TokenInvalid:
            raise NotSignedIn("The access token is not good, or over.", "invalid_token") from None
        session = await self.sign_ins.session(claimed.session_id, now=now)
        if session is None or session.disabled or session.account_id != claimed.account_id:
            raise NotSignedIn("This session has ended.", "session_ended")
        return replace(claimed, role=session.role)

    async def account(self, account_id: UUID) -> Account:
        """Raises NotFound."""
        return (await self.records.recall(Account, account_id)).existing()
