"""The simulator's time: how far it is, what comes next, and letting it pass."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.simulation import Simulation

Moment = Annotated[datetime, msgspec.Meta(tz=True)] | None


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time to advance to (RFC 3339 with an offset), or null to follow the clock again."""

    to: str | None

    def moment(self) -> datetime | None:
        """Raises StripeRefusal."""
        try:
            moment: datetime | None = msgspec.convert(self.to, type=Moment)
        except msgspec.ValidationError:
            raise StripeRefusal("Give a time with its offset, as 2027-01-31T12:00:00Z.", param="to") from None
        return moment


class Now(msgspec.Struct, frozen=True):
    now: str


class NextDue(msgspec.Struct, frozen=True):
    at: str | None


class TimeControls(Controller):
    @post("/advance", status_code=200)
    async def advance(self, data: JSONBody[Advance], simulation: NamedDependency[SkipValidation[Simulation]]) -> Now:
        """Answers once everything that fell due has happened; its deliveries may still be under way."""
        to = data.moment()
        now = await simulation.follow_the_clock() if to is None else await simulation.advance(to)
        return Now(_text(now))

    @get("/next_due")
    async def next_due(self, simulation: NamedDependency[SkipValidation[Simulation]]) -> NextDue:
        at = await simulation.next_due()
        return NextDue(_text(at) if at else None)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
