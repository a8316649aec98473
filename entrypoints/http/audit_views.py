"""Facts as auditors see them: personal fields masked, unless an admin asks."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from application.ports.ledger import Recorded, Unreadable
from domain.shared.fact import Actor, Cause, Fact, personal_fields

MASKED = "•••"
STAMPED = frozenset(Fact.__struct_fields__)


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of the ledger; `stored` are its bytes in base64, where they were asked for: what proofs cover.

    Of one that cannot be read `unreadable` says why: its `data` is null, and `stored` is given unasked.
    """

    position: int
    stream: UUID
    version: int
    type: Annotated[str, msgspec.Meta(examples=["subscription.renewed"])]
    recorded_at: datetime
    actor: Actor | None
    cause: Cause | None
    data: dict[str, Any] | None
    stored: Annotated[str | None, msgspec.Meta(examples=[None])]
    unreadable: Annotated[str | None, msgspec.Meta(examples=[None])]


def event_view(recorded: Recorded | Unreadable, *, masked: bool, stored: bool) -> EventView:
    if isinstance(recorded, Unreadable):
        return _unreadable_view(recorded)
    fact = recorded.fact
    return EventView(
        position=fact.position,
        stream=recorded.stream,
        version=recorded.version,
        type=fact.tag(),
        recorded_at=fact.recorded_at,
        actor=fact.actor,
        cause=fact.cause,
        data=_data(fact, masked=masked),
        stored=b64encode(recorded.stored).decode() if stored else None,
        unreadable=None,
    )


def _unreadable_view(unreadable: Unreadable) -> EventView:
    return EventView(
        position=unreadable.position,
        stream=unreadable.stream,
        version=unreadable.version,
        type=unreadable.type,
        recorded_at=unreadable.recorded_at,
        actor=unreadable.actor,
        cause=unreadable.cause,
        data=None,
        stored=b64encode(unreadable.stored).decode(),
        unreadable=unreadable.reason,
    )


def _data(fact: Fact, *, masked: bool) -> dict[str, Any]:
    hidden = personal_fields(type(fact)) if masked else ()
    shown = {name: getattr(fact, name) for name in fact.__struct_fields__ if name not in STAMPED}
    return {name: MASKED if name in hidden and value is not None else value for name, value in shown.items()}
