"""Dunning: what a viewer whose payment fails is to be told, each of it once."""

from datetime import datetime, timedelta
from typing import Literal, Self
from uuid import UUID

import msgspec

from domain.shared.fact import AccountFact
from domain.shared.identity import derived_id

NoticeKind = Literal["payment_failed", "action_required", "grace_ending", "access_ended"]

ENDING_AHEAD = timedelta(days=1)
"""How long before the end of grace it is told."""


class NoticeFellDue(AccountFact, frozen=True, kw_only=True, tag="dunning.notice_fell_due"):
    """The viewer is to be told; that she was told is for another fact to say."""

    notice_id: UUID
    kind: NoticeKind
    subscription_id: UUID
    invoice: str | None
    """The provider's id of what is owed, where it is known."""
    attempt: int | None
    """Of `payment_failed`: which one failed; of `action_required`: which one waits for the viewer."""
    failing_since: datetime | None
    """Of the two that are about grace: when the first attempt failed."""
    about: datetime | None
    """When it is tried again, None if it is not, or waits; when grace ends; when access ended."""


class Notice(msgspec.Struct, frozen=True):
    """One thing that somebody is to be told: it falls due once, in a stream of its own."""

    id: UUID

    @classmethod
    def fall_due(cls, state: Self | None, notice: NoticeFellDue) -> list[NoticeFellDue]:
        """Nothing where it fell due before."""
        return [notice] if state is None else []

    @classmethod
    def evolve(cls, state: Self | None, fact: NoticeFellDue) -> "Notice":
        return state or cls(fact.notice_id)


def attempt_notice_id(kind: NoticeKind, payment_id: UUID, attempt: int) -> UUID:
    """Of one attempt at one payment, that failed or waits for the viewer."""
    return derived_id("dunning", kind, payment_id, attempt)


def grace_notice_id(kind: NoticeKind, subscription_id: UUID, failing_since: datetime) -> UUID:
    """Of one failing payment of one subscription: no two of them begin to fail at one moment."""
    return derived_id("dunning", kind, subscription_id, failing_since.isoformat())
