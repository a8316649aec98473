"""The facts that an answer about access rests on, as they are shown to whoever asked."""

from datetime import datetime

import msgspec

from domain.facts import AnyFact
from domain.telling import tell


class Deciding(msgspec.Struct, frozen=True):
    """A fact that an answer rests on."""

    position: int
    type: str
    at: datetime
    summary: str


def deciding(fact: AnyFact) -> Deciding:
    return Deciding(position=fact.position, type=fact.tag(), at=fact.recorded_at, summary=tell(fact))
