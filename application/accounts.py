"""Accounts: registered, named, given a role, disabled and enabled."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from application.ports.addresses import Addresses, AddressInvalid
from application.ports.ledger import GuardedRow, Insert, Position, RowTaken
from application.ports.secrets import BlindIndex, Passwords
from application.ports.world import Identifiers
from application.recall import Asked, Recalled, Records
from domain.account.account import Account, EmailTaken, Role
from domain.shared.fact import Actor, Cause, Refusal

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 128


class WeakPassword(Refusal):
    """Too short, too long, or among the first that somebody would try."""


class EmailInvalid(Refusal):
    """It is no e-mail address."""


class Registered(msgspec.Struct, frozen=True):
    """A new account, and where the ledger stands after it."""

    account: Account
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Use cases of accounts."""

    records: Records
    passwords: Passwords
    blind_index: BlindIndex
    addresses: Addresses
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

    async def account(self, account_id: UUID) -> Account:
        """Raises NotFound."""
        return (await self.records.recall(Account, account_id)).existing()
