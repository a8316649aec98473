"""The movable clock; mounted in development alone, and only where it was asked for."""

from datetime import datetime

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody

from application.business_clock import ClockPending
from entrypoints.http.given import GivenBusinessClock
from entrypoints.http.texts import Moment
from entrypoints.http.times import OUT_OF_RANGE, moment_within


class ClockToSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Null: real time again."""

    now: Moment | None


class ClockView(msgspec.Struct, frozen=True):
    now: datetime


class SandboxController(Controller):
    path = "/sandbox"
    tags = ("Sandbox",)

    @post(
        "/clock",
        operation_id="move_clock",
        summary="Move business time",
        status_code=200,
        refuses=(ClockPending, OUT_OF_RANGE),
    )
    async def clock(self, data: JSONBody[ClockToSet], business_clock: GivenBusinessClock) -> ClockView:
        """Answers once everything that fell due until then has been done."""
        return ClockView(await business_clock.move(moment_within("now", data.now) if data.now else None))
