"""A trial is had once: by an account, and by whoever is reached at its address or number, under whatever account."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from application.ports.addresses import Addresses
from application.ports.ledger import GuardedRow, Insert
from application.ports.reads import AccountReads
from application.ports.secrets import BlindIndex
from application.recall import Records
from domain.access.standing import Standing
from domain.account.account import Account

KIND = "trial"
WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})
"""Where dots in an address mean nothing, and both domains are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Claims of the kind `trial`: of a mailbox and of a number, by the first account that asks for a trial.

    Who holds one is given a trial until she has had it. It outlasts the erasure of an account that had one, under
    nobody's name: so nobody has a second one by erasing the first (docs/personal-data.md).
    """

    records: Records
    reads: AccountReads
    blind_index: BlindIndex
    addresses: Addresses

    async def offered_to(self, account_id: UUID) -> Sequence[GuardedRow] | None:
        """The rows by which an append holds it for this account; None where it is somebody else's, or was."""
        account = (await self.records.recall(Account, account_id)).existing()
        rows: list[GuardedRow] = []
        for mark in self.marks(account.email, account.phone):
            holder = await self.reads.holder(KIND, mark)
            if holder is None:
                rows.append(Insert("claims", {"kind": KIND, "blind_index": mark, "owner": account_id}))
            elif holder != account_id:
                return None
        return rows

    def marks(self, email: str | None, phone: str | None) -> list[bytes]:
        """Keyed digests of the mailbox behind an address, and of a number."""
        spelt = [f"email {mailbox(self.addresses.canonical(email))}"] if email else []
        spelt += [f"phone {phone}"] if phone else []
        return [self.blind_index.of(KIND, value) for value in spelt]


def has_had_one(standing: Standing | None) -> bool:
    return standing is not None and any(term.trial_end is not None for term in standing.terms.values())


def mailbox(address: str) -> str:
    """Where mail to a canonical address goes: what follows a `+` is for its owner to sort by."""
    local, _, domain = address.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in WITHOUT_DOTS:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"
