"""What the read models answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.ports.ledger import Insert, UpdateIf
from application.ports.sign_in import Session
from application.projections.access import Title
from application.projections.accounts import Member
from application.projections.catalogue import Listed
from application.projections.graces import Grace
from application.projections.payments import Billed
from application.projections.plans import Offer
from application.projections.subscriptions import Subscribed
from domain.access.standing import Standing


class Scene(msgspec.Struct, frozen=True):
    """All that a playback answer needs, read at one moment of the primary."""

    standing: Standing | None
    title: Title | None
    position: int
    """The ledger's head at that moment."""
    sign_in: Session | None = None
    """The one that was asked for, where it is the account's and has not ended; its time may be over."""


class AccessReads(Protocol):
    """The access read model; never behind the ledger."""

    async def standing(self, account_id: UUID) -> Standing | None: ...

    async def scene(self, account_id: UUID | None, video_id: UUID, *, sign_in_id: UUID | None = None) -> Scene: ...


class CatalogueReads(Protocol):
    """The catalogue."""

    async def page(
        self, *, query: str | None, category: str | None, access: str | None, before: int | None, limit: int
    ) -> Sequence[Listed]:
        """Published videos, the last published first; `before` is the `published_position` of the last one seen."""
        ...

    async def video(self, video_id: UUID) -> Listed | None: ...

    async def unfinished(self, platforms: Sequence[str], *, waited_since: datetime, limit: int) -> Sequence[Listed]:
        """Videos of these platforms that are being made ready, or whose upload was waited for since then.

        The newest first.
        """
        ...


class GraceReads(Protocol):
    """The graces that are running."""

    async def due(self, until: datetime, *, limit: int) -> Sequence[Grace]:
        """Those of which there is something to tell by then, the soonest first."""
        ...


class PaymentReads(Protocol):
    """The payments, newest first; `before` is the `first_position` of the last one seen."""

    async def page(self, *, before: int | None, limit: int) -> Sequence[Billed]:
        """Everybody's."""
        ...

    async def of_account(self, account_id: UUID, *, before: int | None, limit: int) -> Sequence[Billed]: ...


class PlanReads(Protocol):
    """The plans."""

    async def page(self, *, before: int | None, limit: int) -> Sequence[Offer]:
        """Active plans, newest first; `before` is the `created_position` of the last one seen."""
        ...

    async def plan(self, plan_id: UUID) -> Offer | None: ...


class SubscriptionReads(Protocol):
    """Every subscription there has been, and all that was bought for some days."""

    async def page(self, *, account_id: UUID | None, before: int | None, limit: int) -> Sequence[Subscribed]:
        """The newest first, one account's or everybody's; `before` is the `first_position` of the last one seen."""
        ...


class AccountReads(Protocol):
    """The accounts that there are, whose an address is, and whose turn it is to take somebody's being an admin away."""

    async def page(self, *, before: int | None, limit: int) -> Sequence[Member]:
        """The newest first; `before` is the `registered_position` of the last one seen."""
        ...

    async def in_role(self, role: str, *, limit: int) -> Sequence[Member]:
        """Those who are not disabled, the oldest first."""
        ...

    async def holder(self, kind: str, index: bytes) -> UUID | None:
        """The account that has claimed what is under this blind index; never behind the ledger."""
        ...

    async def admins_turn(self) -> UUID | None:
        """Changes whenever an admin ceases to be one; None before the first time."""
        ...

    def take_admins_turn(self, mine: UUID, *, after: UUID | None) -> Insert | UpdateIf:
        """For the append; refused where the turn is not `after` any more."""
        ...


class Positions(Protocol):
    """How far the ledger and its read models are."""

    async def head(self) -> int: ...

    async def wait_for(self, position: int, *, timeout_seconds: float) -> bool:
        """Until every live read model has come to the position; False when time ran out."""
        ...
