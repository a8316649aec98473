"""Sweeps and how far they are, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

from msgspec.structs import replace

from adapters.memory.tables import MemoryTables
from application.ports.inbox import Customer
from application.ports.sweeps import Sweep, SweepKind, SweepStatus, SweepTotals
from application.ports.world import Clock

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
OPEN = ("requested", "under_way")


@dataclass
class Row:
    """A sweep, and who is at it until when."""

    sweep: Sweep
    holder: UUID | None = None
    leased_until: datetime = LONG_AGO


class MemorySweeps:
    """`real_time` says what is due; customers are those of the fences in the tables."""

    def __init__(self, tables: MemoryTables, real_time: Clock) -> None:
        self._tables = tables
        self._real_time = real_time
        self._ids = count(1)
        self._rows: list[Row] = []

    async def request(self, kind: SweepKind, *, cause: str, once: bool = False) -> Sweep:
        known = [row.sweep for row in self._rows if row.sweep.kind == kind]
        waiting = [sweep for sweep in known if sweep.status == "requested"]
        if not waiting and once:
            waiting = [sweep for sweep in known if sweep.cause == cause]
        if waiting:
            return waiting[-1]
        now = self._real_time.now()
        self._rows.append(Row(Sweep(id=next(self._ids), kind=kind, cause=cause, status="requested", requested_at=now)))
        return self._rows[-1].sweep

    async def request_when_due(self, kind: SweepKind, *, every_seconds: float) -> None:
        oldest = self._real_time.now() - timedelta(seconds=every_seconds)
        known = [row.sweep for row in self._rows if row.sweep.kind == kind]
        if not any(sweep.status in OPEN or sweep.requested_at > oldest for sweep in known):
            await self.request(kind, cause="schedule")

    async def take(self, *, head: int, seconds: float) -> tuple[Sweep, UUID] | None:
        now, holder = self._real_time.now(), uuid4()
        row = self._interrupted() or self._requested()
        if row is None:
            return None
        if row.sweep.status == "requested":
            row.sweep = replace(row.sweep, status="under_way", begun_at=now, head=head)
        row.holder, row.leased_until = holder, now + timedelta(seconds=seconds)
        return row.sweep, holder

    def _interrupted(self) -> Row | None:
        now = self._real_time.now()
        return next((row for row in self._rows if row.sweep.status == "under_way" and row.leased_until <= now), None)

    def _requested(self) -> Row | None:
        busy = {row.sweep.kind for row in self._rows if row.sweep.status == "under_way"}
        return next((row for row in self._rows if row.sweep.status == "requested" and row.sweep.kind not in busy), None)

    async def note(self, sweep: Sweep, holder: UUID, *, seconds: float) -> bool:
        row = self._held(sweep, holder)
        if row is None or row.sweep.status != "under_way":
            return False
        row.sweep, row.leased_until = sweep, self._real_time.now() + timedelta(seconds=seconds)
        return True

    async def finish(self, sweep: Sweep, holder: UUID, *, status: SweepStatus) -> None:
        if row := self._held(sweep, holder):
            now = self._real_time.now()
            row.sweep = replace(row.sweep, status=status, error=sweep.error, finished_at=now)
            row.holder = None

    async def put_off(self, sweep: Sweep, holder: UUID, *, error: str, seconds: float) -> None:
        if row := self._held(sweep, holder):
            row.sweep = replace(row.sweep, error=error)
            row.holder, row.leased_until = None, self._real_time.now() + timedelta(seconds=seconds)

    async def sweep(self, id: int) -> Sweep | None:
        return next((row.sweep for row in self._rows if row.sweep.id == id), None)

    async def page(self, *, before: int | None, limit: int) -> Sequence[Sweep]:
        newest_first = [row.sweep for row in reversed(self._rows)]
        return [sweep for sweep in newest_first if before is None or sweep.id < before][:limit]

    async def totals(self) -> Mapping[SweepKind, SweepTotals]:
        return {kind: _totals(of_kind) for kind in ("undelivered", "customers") if (of_kind := self._of(kind))}

    def _of(self, kind: str) -> list[Sweep]:
        return [row.sweep for row in self._rows if row.sweep.kind == kind]

    async def is_swept(self, customer: Customer, sweep_id: int) -> bool:
        key = {"provider": customer.provider, "customer_id": customer.customer_id}
        return bool(self._tables.rows("customer_fences", **key, swept_by=sweep_id))

    async def mark_swept(self, customer: Customer, sweep_id: int) -> None:
        key = {"provider": customer.provider, "customer_id": customer.customer_id}
        for row in self._tables.rows("customer_fences", **key):
            row["swept_by"] = sweep_id

    async def unswept(self, provider: str, sweep_id: int, *, after: str | None, limit: int) -> Sequence[Customer]:
        known = self._tables.rows("customer_fences", provider=provider)
        left = sorted(row["customer_id"] for row in known if row.get("swept_by") != sweep_id)
        return [Customer(provider, one) for one in left if one > (after or "")][:limit]

    def _held(self, sweep: Sweep, holder: UUID) -> Row | None:
        return next((row for row in self._rows if row.sweep.id == sweep.id and row.holder == holder), None)


def _totals(sweeps: Sequence[Sweep]) -> SweepTotals:
    return SweepTotals(
        finished=sum(sweep.status == "done" for sweep in sweeps),
        repairs=sum(sweep.repairs for sweep in sweeps),
        kept=sum(sweep.kept for sweep in sweeps),
        last_finished_at=max((sweep.finished_at for sweep in sweeps if sweep.finished_at), default=None),
    )
