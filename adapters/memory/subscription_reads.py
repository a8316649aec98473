"""The list of subscriptions in memory."""

from collections.abc import Sequence
from uuid import UUID

from adapters.memory.ledger import MemoryLedger
from adapters.memory.reads import MemoryReadModels
from application.projections.subscriptions import Subscribed


class MemorySubscriptionReads:
    """Never behind."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._read_models = MemoryReadModels(ledger)

    async def page(self, *, account_id: UUID | None, before: int | None, limit: int) -> Sequence[Subscribed]:
        wanted = [
            one
            for one in self._read_models.rows(Subscribed)
            if account_id in {None, one.account_id} and (before is None or one.first_position < before)
        ]
        return sorted(wanted, key=lambda one: -one.first_position)[:limit]
