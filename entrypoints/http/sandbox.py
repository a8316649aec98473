"""The movable clock and the mailbox; in development alone, and the clock only where it was asked for."""

from datetime import datetime

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody

from application.business_clock import ClockPending
from entrypoints.http.given import GivenBusinessClock, GivenMailbox
from entrypoints.http.texts import AskedText, Moment
from entrypoints.http.times import OUT_OF_RANGE, moment_within


class ClockToSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Null: real time again."""

    now: Moment | None


class ClockView(msgspec.Struct, frozen=True):
    now: datetime


class LetterView(msgspec.Struct, frozen=True):
    """A mail or a text message that would have gone out; a text message has an empty subject."""

    to: str
    subject: str
    body: str
    at: datetime


class MailboxView(msgspec.Struct, frozen=True):
    items: list[LetterView]


class MailboxController(Controller):
    path = "/sandbox"
    tags = ("Sandbox",)

    @get("/messages", operation_id="read_messages", summary="What would have gone out to somebody")
    async def messages(self, mailbox: GivenMailbox, to: AskedText = None) -> MailboxView:
        """To an e-mail address or a number, or without one to everybody: the newest 100, newest first."""
        return MailboxView([LetterView(each.to, each.subject, each.body, each.at) for each in await mailbox.read(to)])


class ClockController(Controller):
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
