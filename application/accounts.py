"""Accounts: registered, named, given a role, disabled and enabled."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from application.emails import Emails, canonical_email
from application.password_rules import refuse_weak
from application.ports.addresses import Addresses
from application.ports.ledger import GuardedRow, Insert, Position, RowTaken
from application.ports.secrets import BlindIndex, Passwords
from application.ports.world import Identifiers
from application.recall import Asked, Recalled, Records
from domain.account.account import Account, Role
from domain.account.contacts import EmailTaken
from domain.shared.fact import Actor, Cause


class Registered(msgspec.Struct, frozen=True):
    """An account as it is now, and where the ledger stands after what was done to it."""

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
    emails: Emails

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
        """Make an account, and ask by letter whether the address is theirs; `by` None: they register by themselves.

        Raises:
            EmailInvalid, WeakPassword, EmailTaken, TooBusy.
        """
        canonical = canonical_email(self.addresses, email)
        await refuse_weak(self.passwords, password, email=canonical, name=name)
        account_id = self.identifiers.new()
        rows = await self._claims(account_id, canonical, password)
        rows += await self.emails.verification(account_id, canonical)
        facts = Account.register(account_id=account_id, email=canonical, name=name, role=role)
        asked = Asked(by or Actor("viewer", str(account_id)), cause)
        try:
            decided = await self.records.append(asked, (Recalled(account_id, None, 0), facts), rows=rows)
        except RowTaken:
            raise EmailTaken("Somebody has registered with this address.") from None
        return Registered(await self.account(account_id), decided.position)

    async def _claims(self, account_id: UUID, email: str, password: str) -> list[GuardedRow]:
        hashed = await self.passwords.hash(password)
        claim = {"kind": "email", "blind_index": self.blind_index.of("email", email), "owner": account_id}
        return [Insert("claims", claim), Insert("credentials", {"account_id": account_id, "password_hash": hashed})]

    async def rename(self, account_id: UUID, name: str | None, asked: Asked) -> Registered:
        """The account as it is after that. Raises NotFound."""
        decided = await self.records.decide(Account, account_id, asked, lambda account: account.rename(name))
        return Registered(await self.account(account_id), decided.position)

    async def account(self, account_id: UUID) -> Account:
        """Raises NotFound."""
        return (await self.records.recall(Account, account_id)).existing()
