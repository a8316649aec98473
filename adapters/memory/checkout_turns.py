"""The one checkout to an account that may be open, by its claim in memory."""

from uuid import UUID

from adapters.memory.tables import MemoryTables
from application.ports.ledger import Insert, UpdateIf

KIND = "checkout"


class MemoryCheckoutTurns:
    """Reads the claims that appends have put into the tables."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def current(self, account_id: UUID) -> UUID | None:
        found = self._tables.rows("claims", kind=KIND, blind_index=account_id.bytes)
        return found[0]["owner"] if found else None

    def take(self, account_id: UUID, checkout_id: UUID, *, after: UUID | None) -> Insert | UpdateIf:
        where = {"kind": KIND, "blind_index": account_id.bytes}
        if after is None:
            return Insert("claims", {**where, "owner": checkout_id})
        return UpdateIf("claims", where={**where, "owner": after}, values={"owner": checkout_id})
