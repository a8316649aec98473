"""How the read models stand, in memory, where none is ever behind."""

from collections.abc import Sequence

from adapters.memory.ledger import MemoryLedger
from application.ports.read_models import ReadModelStatus
from application.projections.projection import Projection


class MemoryReadModelStates:
    """Nobody rebuilds here, so that what is asked for waits until it is given up."""

    def __init__(self, ledger: MemoryLedger, *projections: Projection) -> None:
        self._ledger = ledger
        self._projections = {projection.name: projection for projection in projections}
        self._requested: list[str] = []
        self._errors: dict[str, str] = {}

    async def statuses(self) -> Sequence[ReadModelStatus]:
        head = await self._ledger.head()
        return [
            ReadModelStatus(
                name=name,
                generation=1,
                version=projection.version,
                position=head,
                lag=0,
                rebuild_requested=name in self._requested,
                rebuild_error=self._errors.get(name),
            )
            for name, projection in sorted(self._projections.items())
        ]

    async def request_rebuild(self, name: str) -> bool:
        if name in self._projections and name not in self._requested:
            self._requested.append(name)
            self._errors.pop(name, None)
        return name in self._projections

    async def rebuilds_requested(self) -> Sequence[str]:
        return list(self._requested)

    async def give_up_request(self, name: str, why: str) -> None:
        if name in self._requested:
            self._requested.remove(name)
            self._errors[name] = why
