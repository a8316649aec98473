"""The list of accounts, and whose an address is, in memory."""

from collections.abc import Sequence
from uuid import UUID

from adapters.memory.ledger import MemoryLedger
from adapters.memory.reads import MemoryReadModels
from adapters.memory.tables import MemoryTables
from application.ports.ledger import Insert, UpdateIf
from application.projections.accounts import Member

ADMINS = {"kind": "admins", "blind_index": b"admins"}


class MemoryAccountReads:
    """Never behind."""

    def __init__(self, ledger: MemoryLedger, tables: MemoryTables) -> None:
        self._read_models = MemoryReadModels(ledger)
        self._tables = tables

    async def page(self, *, before: int | None, limit: int) -> Sequence[Member]:
        wanted = [one for one in self._members() if before is None or one.registered_position < before]
        return wanted[::-1][:limit]

    async def in_role(self, role: str, *, limit: int) -> Sequence[Member]:
        return [one for one in self._members() if one.role == role and not one.disabled][:limit]

    def _members(self) -> list[Member]:
        return sorted(self._read_models.rows(Member), key=lambda one: one.registered_position)

    async def holder(self, kind: str, index: bytes) -> UUID | None:
        found = self._tables.rows("claims", kind=kind, blind_index=index)
        return found[0]["owner"] if found else None

    async def admins_turn(self) -> UUID | None:
        return await self.holder("admins", b"admins")

    def take_admins_turn(self, mine: UUID, *, after: UUID | None) -> Insert | UpdateIf:
        if after is None:
            return Insert("claims", {**ADMINS, "owner": mine})
        return UpdateIf("claims", where={**ADMINS, "owner": after}, values={"owner": mine})
