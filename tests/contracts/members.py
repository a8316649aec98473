"""Accounts that suites of the ports take as given: registered, with the claim on an address that each has."""

from uuid import UUID, uuid4

from application.ports.ledger import GuardedRow, Insert, Ledger, Write
from domain.account.account import AccountRegistered
from domain.account.sign_ins import PasswordChanged
from domain.shared.fact import Fact


def claim_of(account_id: UUID) -> GuardedRow:
    """On an address, under the bytes of the account's id."""
    return Insert("claims", {"kind": "email", "blind_index": account_id.bytes, "owner": account_id})


async def registered(ledger: Ledger, account_id: UUID | None = None, *, new_passwords: int = 0) -> UUID:
    """With the password `hash of Anna's`, changed so often since."""
    account_id = account_id or uuid4()
    facts: list[Fact] = [
        AccountRegistered(fact_id=uuid4(), account_id=account_id, email="anna@example.com", name="Anna", role="viewer"),
        *(PasswordChanged(fact_id=uuid4(), account_id=account_id, how="change") for _ in range(new_passwords)),
    ]
    credential = Insert("credentials", {"account_id": account_id, "password_hash": "hash of Anna's"})
    await ledger.append(Write(account_id, 0, facts), rows=[claim_of(account_id), credential])
    return account_id
