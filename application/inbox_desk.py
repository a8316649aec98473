"""The inbox as its operators use it: what came, what became of it, and asking again."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from application.errors import NotFound
from application.ports.inbox import Entry, InboxDesk, Status

ID_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxOperation:
    """Deliveries are named by UUIDs outside, like everything else."""

    desk: InboxDesk

    async def listing(self, *, status: Status | None, before: int | None, limit: int) -> Sequence[Entry]:
        """The newest first."""
        return await self.desk.page(status=status, before=before, limit=limit)

    async def retry(self, reference: UUID) -> Entry:
        """Asked about again as soon as a worker comes to it, also when it is done. Raises NotFound."""
        entry = await self.desk.retry(reference.int) if reference.int <= ID_MAX else None
        if entry is None:
            raise NotFound
        return entry
