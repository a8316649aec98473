"""What admins see of the read models, and the rebuilds that they ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.errors import NotFound
from application.ports.read_models import ReadModelStates, ReadModelStatus


@dataclass(frozen=True, slots=True)
class ProjectionAdmin:
    """A rebuild takes as long as the ledger is, so that it is asked for here, and done by a worker."""

    states: ReadModelStates

    async def statuses(self) -> Sequence[ReadModelStatus]:
        """Every read model, by name."""
        return await self.states.statuses()

    async def request_rebuild(self, name: str) -> ReadModelStatus:
        """How it stands, asked for. Asking again changes nothing until it has been done. Raises NotFound."""
        if not any(status.name == name for status in await self.states.statuses()):
            raise NotFound("There is no read model of this name.")
        await self.states.request_rebuild(name)
        return next(status for status in await self.states.statuses() if status.name == name)
