"""Everything that is held about a person, told to that person: of any length, in constant memory."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from msgspec.structs import asdict

from application.ports.erasures import Traces
from application.ports.holdings import ACTS_WINDOW, HELD_TABLES, Held, HeldTable, Holdings
from application.ports.idempotency import SealedAnswers
from application.ports.inbox import Inbox
from application.ports.ledger import History, HistoryFilter, Unreadable
from application.ports.reads import AccessReads, PaymentReads, SubscriptionReads
from application.ports.secrets import BlindIndex
from application.recall import Records
from application.sealed_letters import SealedLetters
from domain.account.account import Account

PAGE_SIZE = 100

Section = tuple[str, AsyncIterator[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """What is sealed is opened here; of passwords, tokens and codes there is nothing but digests, which stay.

    The texts of letters stay too, since they carry codes: whoever finds a device signed in would read them here.
    """

    records: Records
    history: History
    holdings: Holdings
    inbox: Inbox
    letters: SealedLetters
    answers: SealedAnswers
    blind_index: BlindIndex
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
            ("acts", self._acts(account)),
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
        traces = self._traces(account)
        while page := await self.holdings.page(table, traces, after=after, limit=PAGE_SIZE):
            for held in page:
                yield {**held.values, **await self._opened(table, held, account)}
            after = page[-1].place

    def _traces(self, account: Account) -> Traces:
        """By an address that nobody has confirmed nothing is found: it may be somebody else's."""
        email = account.email if account.email_verified else None
        found = [("email", email), ("phone", account.phone)]
        return Traces(
            account_id=account.id,
            customers=account.every_customer(),
            recipients=[self.blind_index.of(kind, value) for kind, value in found if value],
        )

    async def _opened(self, table: HeldTable, held: Held, account: Account) -> Mapping[str, Any]:
        """What the row does not say in the clear."""
        match table:
            case "webhooks":
                body = await self.inbox.body(int(held.place))
                return {"body": body.decode(errors="replace") if body is not None else None}
            case "letters":
                letter = await self.letters.open_letter(_row(held, "sealed"))
                return {"to": letter and letter.to}
            case "codes":
                proof = await self.letters.proof(_row(held, "payload"))
                return {"stands_for": proof and proof.payload}
            case "answers":
                return await self._answer(held, account)
            case _:
                return {}

    async def _answer(self, held: Held, account: Account) -> Mapping[str, Any]:
        """What staff were answered may be about others."""
        if held.sealed is None:
            return {"status": None, "body": None}
        answer = await self.answers.opened(account.id, bytes.fromhex(held.place), held.sealed)
        if answer is None:
            return {"status": None, "body": None}
        return {"status": answer.status, "body": None if account.was_staff else answer.body.decode(errors="replace")}

    async def _acts(self, account: Account) -> AsyncIterator[object]:
        """What somebody did as staff, of the whole ledger; what a viewer does is about the viewer."""
        head = await self.records.ledger.head() if account.was_staff else 0
        for after in range(0, head, ACTS_WINDOW):
            for act in await self.holdings.acts(account.id, after=after):
                yield act


def _row(held: Held, sealed: str) -> Mapping[str, Any]:
    """As its table has it, as far as it takes to open it."""
    whose = held.values["account_id"]
    account_id = UUID(whose) if whose else None
    return {**held.values, "id": UUID(held.place), "account_id": account_id, "month": held.month, sealed: held.sealed}
