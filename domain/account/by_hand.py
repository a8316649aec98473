"""Access given and taken by hand: who did it and why is on every fact, and billing is never touched."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from domain.shared.fact import AccountFact, Refusal

LONGEST = timedelta(days=3653)
"""Ten years, whichever of them are leap years."""
AT_ONCE_MAX = 100
"""Grants, and as many blocks, that one account may have in force: all of them are read with every playback."""


class AccessGranted(AccountFact, frozen=True, tag="account.access_granted"):
    """Until then she may watch what any plan opens, and what asks for one of these features."""

    grant_id: UUID
    until: datetime
    features: tuple[str, ...]
    reason: str


class GrantWithdrawn(AccountFact, frozen=True, tag="account.grant_withdrawn"):
    grant_id: UUID
    before_until: datetime


class BlockPlaced(AccountFact, frozen=True, tag="account.blocked"):
    """Nothing that is paid for or granted opens anything until it ends or is lifted; None: it has no end."""

    block_id: UUID
    until: datetime | None
    reason: str


class BlockLifted(AccountFact, frozen=True, tag="account.unblocked"):
    """Of several blocks this one; the others stay."""

    block_id: UUID
    before_until: datetime | None


ByHand = AccessGranted | GrantWithdrawn | BlockPlaced | BlockLifted


class EndInThePast(Refusal):
    """It would be over before it began."""


class EndTooFarAhead(Refusal):
    """It would last for longer than ten years."""


class TooManyByHand(Refusal):
    """The account has as many grants or blocks in force as it may."""


E = TypeVar("E", bound=datetime | None)


def in_force(ends: Mapping[UUID, E], now: datetime) -> dict[UUID, E]:
    """Those that are not over, with their ends."""
    return {id: until for id, until in ends.items() if until is None or now < until}


def without(ends: Mapping[UUID, E], gone: UUID) -> dict[UUID, E]:
    """All but one."""
    return {id: until for id, until in ends.items() if id != gone}


def refuse_one_more(ends: Mapping[UUID, datetime | None], until: datetime | None, now: datetime) -> None:
    """Raises EndInThePast, EndTooFarAhead, TooManyByHand."""
    _refuse_end(until, now)
    if len(in_force(ends, now)) >= AT_ONCE_MAX:
        raise TooManyByHand(f"This account has {AT_ONCE_MAX} of them in force, and may have no more.")


def _refuse_end(until: datetime | None, now: datetime) -> None:
    if until is None:
        return
    if until <= now:
        raise EndInThePast("The end must lie in the future.")
    if until > now + LONGEST:
        raise EndTooFarAhead("The end must lie within ten years.")
