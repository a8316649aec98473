"""Everything that is held about a person, told to that person: of any length, in constant memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from application.ports.holdings import HELD_TABLES, HeldTable, Holdings
from application.ports.inbox import Inbox
from application.ports.ledger import History, HistoryFilter, Unreadable
from application.ports.reads import AccessReads, PaymentReads, SubscriptionReads
from application.recall import Records
from domain.account.account import Account

PAGE_SIZE = 100

Section = tuple[str, AsyncIterator[object]]


class ToldByProvider(msgspec.Struct, frozen=True):
    """A webhook about this person, with the very text that came."""

    about: object
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """What is sealed is opened here; of passwords, tokens and codes there is nothing but digests, which stay."""

    records: Records
    history: History
    holdings: Holdings
    inbox: Inbox
    access: AccessReads
    payments: PaymentReads
    subscriptions: SubscriptionReads

    async def account(self, account_id: UUID) -> Account:
        """With the address and the number that it has claimed, in the clear. Raises NotFound."""
        return (await self.records.recall(Account, account_id)).existing()

    async def standing(self, account_id: UUID) -> object:
        """The row by which access is decided."""
        return await self.access.standing(account_id)

    def sections(self, account: Account) -> list[Section]:
        """Each read a page at a time, as it is asked for."""
        held = [(table, self._held(table, account)) for table in HELD_TABLES]
        return [
            ("facts", self._facts(account.id)),
            ("subscriptions", self._subscriptions(account.id)),
            ("payments", self._payments(account.id)),
            *held,
        ]

    async def _facts(self, account_id: UUID) -> AsyncIterator[object]:
        """One that cannot be read is told of with the reason."""
        async for entry in self.history.entries(HistoryFilter(account=account_id), page_size=PAGE_SIZE):
            if isinstance(entry, Unreadable):
                yield {"position": entry.position, "type": entry.type, "unreadable": entry.reason}
            else:
                yield entry.fact

    async def _subscriptions(self, account_id: UUID) -> AsyncIterator[object]:
        before: int | None = None
        while page := await self.subscriptions.page(account_id=account_id, before=before, limit=PAGE_SIZE):
            for row in page:
                yield asdict(row)
            before = page[-1].first_position

    async def _payments(self, account_id: UUID) -> AsyncIterator[object]:
        before: int | None = None
        while page := await self.payments.of_account(account_id, before=before, limit=PAGE_SIZE):
            for row in page:
                yield asdict(row)
            before = page[-1].first_position

    async def _held(self, table: HeldTable, account: Account) -> AsyncIterator[object]:
        after: str | None = None
        while page := await self.holdings.page(
            table, account.id, account.every_customer(), after=after, limit=PAGE_SIZE
        ):
            for held in page:
                yield await self._told(held.place, held.values) if table == "webhooks" else held.values
            after = page[-1].place

    async def _told(self, place: str, values: object) -> ToldByProvider:
        body = await self.inbox.body(int(place))
        return ToldByProvider(values, body.decode(errors="replace") if body is not None else None)
