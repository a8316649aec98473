"""The read models in memory: the same projections, folded in the moment in which a fact is recorded."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from adapters.memory.ledger import MemoryLedger
from application.ports.reads import Scene
from application.ports.sign_in import SignIns
from application.projections.access import AccountStanding, Title
from application.projections.catalogue import Listed
from application.projections.graces import Grace
from application.projections.payments import Billed
from application.projections.plans import Offer
from application.projections.projection import Row
from domain.access.standing import Standing

R = TypeVar("R", bound=Row)

DAWN = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryReadModels:
    """The rows of the projections that a ledger in memory was given."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger

    def row(self, kind: type[R], key: Any) -> R | None:
        return self._by_key(kind).get(key)

    def rows(self, kind: type[R]) -> list[R]:
        return [row for row in self._by_key(kind).values() if row is not None]

    def _by_key(self, kind: type[R]) -> dict[Any, R | None]:
        batches = self._ledger.read_models.values()
        found: dict[Any, Any] = next(batch.by_key[kind] for batch in batches if kind in batch.by_key)
        return found


class MemoryAccessReads:
    """Never behind."""

    def __init__(self, ledger: MemoryLedger, sign_ins: SignIns | None = None) -> None:
        """Without `sign_ins` nobody is signed in."""
        self._ledger = ledger
        self._read_models = MemoryReadModels(ledger)
        self._sign_ins = sign_ins

    async def standing(self, account_id: UUID) -> Standing | None:
        row = self._read_models.row(AccountStanding, account_id)
        return row.standing if row else None

    async def scene(self, account_id: UUID | None, video_id: UUID, *, sign_in_id: UUID | None = None) -> Scene:
        sign_in = await self._sign_ins.session(sign_in_id, now=DAWN) if sign_in_id and self._sign_ins else None
        return Scene(
            sign_in=sign_in if sign_in and sign_in.account_id == account_id else None,
            standing=await self.standing(account_id) if account_id else None,
            title=self._read_models.row(Title, video_id),
            position=await self._ledger.head(),
        )


class MemoryCatalogueReads:
    """The catalogue."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._read_models = MemoryReadModels(ledger)

    async def page(
        self, *, query: str | None, category: str | None, access: str | None, before: int | None, limit: int
    ) -> Sequence[Listed]:
        wanted = [
            video
            for video in self._read_models.rows(Listed)
            if (before is None or (video.published_position or 0) < before)
            and category in {None, video.category}
            and access in {None, video.access}
            and (not query or query.lower() in video.title.lower() or query.lower() in video.description.lower())
        ]
        published = [(video.published_position, video) for video in wanted if video.published_position is not None]
        return [video for _, video in sorted(published, key=lambda pair: -pair[0])][:limit]

    async def video(self, video_id: UUID) -> Listed | None:
        return self._read_models.row(Listed, video_id)

    async def unfinished(self, platforms: Sequence[str], *, waited_since: datetime, limit: int) -> Sequence[Listed]:
        found = [
            video
            for video in self._read_models.rows(Listed)
            if video.platform in platforms
            and (
                video.status == "processing"
                or (video.status == "waiting" and video.upload_until is not None and video.upload_until > waited_since)
            )
        ]
        return sorted(found, key=lambda video: -video.created_position)[:limit]


class MemoryGraceReads:
    """The graces that are running."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._read_models = MemoryReadModels(ledger)

    async def due(self, until: datetime, *, limit: int) -> Sequence[Grace]:
        due = [(row.due_at, row) for row in self._read_models.rows(Grace) if row.due_at and row.due_at <= until]
        return [row for _, row in sorted(due, key=lambda pair: pair[0])][:limit]


class MemoryPaymentReads:
    """The payments."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._read_models = MemoryReadModels(ledger)

    async def page(self, *, before: int | None, limit: int) -> Sequence[Billed]:
        rows = [row for row in self._read_models.rows(Billed) if before is None or row.first_position < before]
        return sorted(rows, key=lambda row: -row.first_position)[:limit]

    async def of_account(self, account_id: UUID, *, before: int | None, limit: int) -> Sequence[Billed]:
        rows = await self.page(before=before, limit=len(self._read_models.rows(Billed)))
        return [row for row in rows if row.account_id == account_id][:limit]


class MemoryPlanReads:
    """The plans."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._read_models = MemoryReadModels(ledger)

    async def page(self, *, before: int | None, limit: int) -> Sequence[Offer]:
        active = [
            offer
            for offer in self._read_models.rows(Offer)
            if offer.active and (before is None or offer.created_position < before)
        ]
        return sorted(active, key=lambda offer: -offer.created_position)[:limit]

    async def plan(self, plan_id: UUID) -> Offer | None:
        return self._read_models.row(Offer, plan_id)


class MemoryPositions:
    """Nothing is ever behind, so nothing is waited for."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger

    async def head(self) -> int:
        return await self._ledger.head()

    async def wait_for(self, position: int, *, timeout_seconds: float) -> bool:
        return position <= await self._ledger.head()
