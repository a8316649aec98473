"""Accounts as those see them who look after them: found, told of in full, given a role, shut out and let in."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec

from application.ports.addresses import Addresses, AddressInvalid
from application.ports.codes import CodeKind, Codes
from application.ports.ledger import GuardedRow, RowMoved, RowTaken, StreamMoved
from application.ports.reads import AccountReads
from application.ports.secrets import BlindIndex
from application.ports.world import Clock
from application.projections.accounts import Member
from application.recall import Asked, Decided, Records, again_when_moved
from domain.account.account import Account, AccountEvent, Role
from domain.account.by_hand import AccessGranted, BlockPlaced, in_force
from domain.shared.fact import Refusal

READ_AT_ONCE = 4
"""Streams that are read side by side: a page of accounts must not take all connections of the pool."""
ADMINS_LOOKED_AT = 50

ENDED_BY_DISABLING: Sequence[CodeKind] = ("sign_in", "phone_change", "email_change", "password_reset", "erasure")
"""Whatever opens or changes a way in. The link that proves the address of a new account does neither."""


class LastAdmin(Refusal):
    """Nobody would be left who may make somebody an admin."""


class AccountInFull(msgspec.Struct, frozen=True):
    """An account with what was given to it by hand and is in force, oldest first."""

    account: Account
    grants: Sequence[AccessGranted]
    blocks: Sequence[BlockPlaced]


class Changed(msgspec.Struct, frozen=True):
    """An account after a change, and where the ledger stands."""

    account: Account
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAdmin:
    """No read model holds who somebody is: the accounts of a page are folded from their own facts."""

    records: Records
    reads: AccountReads
    blind_index: BlindIndex
    addresses: Addresses
    codes: Codes
    business_time: Clock

    async def page(self, *, before: int | None, limit: int) -> Sequence[tuple[Account, int]]:
        """The newest first, each with its place in the list; `before` is that of the last one seen."""
        members = await self.reads.page(before=before, limit=limit)
        found = zip(await self._of(members), members, strict=True)
        return [(account, member.registered_position) for account, member in found]

    async def claimed(self, *, email: str | None, phone: str | None) -> Sequence[Account]:
        """Whose this address and this number are: one account, or none."""
        owners = [await self._owner("email", email), await self._owner("phone", phone)]
        given = [owner for owner, value in zip(owners, (email, phone), strict=True) if value is not None]
        if len(set(given)) != 1 or given[0] is None:
            return []
        return [await self._account(given[0])]

    async def _owner(self, kind: Literal["email", "phone"], value: str | None) -> UUID | None:
        if value is None:
            return None
        if kind == "email":
            try:
                value = self.addresses.canonical(value)
            except AddressInvalid:
                return None
        return await self.reads.holder(kind, self.blind_index.of(kind, value))

    async def _of(self, members: Sequence[Member]) -> Sequence[Account]:
        side_by_side = asyncio.Semaphore(READ_AT_ONCE)

        async def read(member: Member) -> Account:
            async with side_by_side:
                return await self._account(member.account_id)

        return await asyncio.gather(*map(read, members))

    async def _account(self, account_id: UUID) -> Account:
        return (await self.records.recall(Account, account_id)).existing()

    async def in_full(self, account_id: UUID) -> AccountInFull:
        """Raises NotFound."""
        account, now = await self._account(account_id), self.business_time.now()
        facts = await self.records.ledger.read(account_id)
        grants, blocks = in_force(account.grants, now), in_force(account.blocks, now)
        return AccountInFull(
            account,
            [fact for fact in facts if isinstance(fact, AccessGranted) and fact.grant_id in grants],
            [fact for fact in facts if isinstance(fact, BlockPlaced) and fact.block_id in blocks],
        )

    async def change_role(self, account_id: UUID, role: Role, asked: Asked) -> Changed:
        """It holds from the next request on. Raises NotFound, LastAdmin, AccountErased."""
        return await self.change(account_id, asked, lambda account: account.change_role(role))

    async def disable(self, account_id: UUID, *, reason: str, asked: Asked) -> Changed:
        """End every way in, and all access with it, at once; what was sent by then stays worthless.

        Raises NotFound, LastAdmin.
        """
        ended = self.codes.ending(account_id, ENDED_BY_DISABLING)
        return await self.change(account_id, asked, lambda account: account.disable(reason=reason), rows=[ended])

    async def enable(self, account_id: UUID, *, reason: str, asked: Asked) -> Changed:
        """What was asked for while nobody was let in stays worthless too. Raises NotFound, AccountErased."""
        ended = self.codes.ending(account_id, ENDED_BY_DISABLING)
        return await self.change(account_id, asked, lambda account: account.enable(reason=reason), rows=[ended])

    async def change(
        self,
        account_id: UUID,
        asked: Asked,
        decision: Callable[[Account], Sequence[AccountEvent]],
        *,
        rows: Sequence[GuardedRow] = (),
    ) -> Changed:
        """One that may take an admin away; the rows go with its facts. Raises NotFound, LastAdmin."""

        async def once() -> Decided:
            turn = await self.reads.admins_turn()
            recalled = await self.records.recall(Account, account_id)
            facts = decision(recalled.existing())
            if not _ends_an_admin(recalled.existing(), facts):
                return await self.records.append(asked, (recalled, facts), rows=rows if facts else ())
            await self._refuse_last(account_id)
            # Of two who end each other's role one comes too late, and looks again.
            row = self.reads.take_admins_turn(self.records.identifiers.new(), after=turn)
            try:
                return await self.records.append(asked, (recalled, facts), rows=[row, *rows])
            except (RowTaken, RowMoved) as quicker:
                raise StreamMoved from quicker

        decided = await again_when_moved(once)
        return Changed(await self._account(account_id), decided.position)

    async def _refuse_last(self, account_id: UUID) -> None:
        """The read model may be behind; so whoever it names is asked for on the ledger. Raises LastAdmin."""
        for member in await self.reads.in_role("admin", limit=ADMINS_LOOKED_AT):
            if member.account_id != account_id and _is_admin(await self._account(member.account_id)):
                return
        raise LastAdmin("This is the last admin; make somebody else an admin first.")


def _is_admin(account: Account) -> bool:
    return account.role == "admin" and not account.disabled


def _ends_an_admin(account: Account, facts: Sequence[AccountEvent]) -> bool:
    after = account
    for fact in facts:
        after = Account.evolve(after, fact)
    return _is_admin(account) and not _is_admin(after)
