"""Letters and text messages to people: an outbox, filled with what they tell of, and the ways out of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from application.ports.ledger import GuardedRow

Channel = Literal["email", "sms"]

ADDRESS_KINDS: Mapping[Channel, str] = {"email": "email", "sms": "phone"}
"""What the blind index, and the claims, call the addresses of a channel."""


class ChannelClosed(Exception):
    """Nothing goes out on this channel here: the operator has not set it up."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is told, in plain text; a text message has no subject, and no subject says anything personal."""

    channel: Channel
    to: str
    """A canonical e-mail address, or a number in E.164."""
    kind: str
    """What it is about, such as `sign_in`: for logs and metrics."""
    subject: str
    body: str


class DueLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One whose time to be sent has come; `attempt` is 1 the first time."""

    id: UUID
    letter: Letter
    attempt: int


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A letter as the development mailbox shows it."""

    to: str
    subject: str
    body: str
    at: datetime


class LetterCounts(msgspec.Struct, frozen=True):
    """How many wait to be sent, and what came of others within the last day."""

    waiting: int = 0
    refused: int = 0
    """Their recipients cannot be reached."""
    failed: int = 0
    """For the operator to look at: the tries were used up, or whoever carries them does not want ours."""


class Letters(Protocol):
    """The outbox: sealed under the person's key where there is an account, under a key of the month elsewhere.

    Times are real time.
    """

    async def row(
        self, letter: Letter, *, account_id: UUID | None, now: datetime, expires_at: datetime | None = None
    ) -> GuardedRow | None:
        """For the append with which the letter is to be written, or not; None to somebody who has been erased.

        It is sent until `expires_at`, or for a day. Raises ChannelClosed.
        """
        ...

    async def take_due(self, *, limit: int, seconds: float) -> Sequence[DueLetter]:
        """Those that are due, the longest waiting first; nobody else has them for so long, and each counts a try.

        What can no longer be read, since its person was erased, is gone; what would be told too late has failed.
        """
        ...

    async def sent(self, id: UUID, *, reference: str) -> None:
        """It is on its way, known to the one who carries it by `reference`; its text is dropped here."""
        ...

    async def retry_later(self, id: UUID, *, error: str, seconds: float) -> None:
        """It could not be sent now. `error` says nothing personal."""
        ...

    async def give_up(self, id: UUID, *, error: str, refused: bool) -> None:
        """It is not sent, and its text is dropped. `refused`: to this recipient. `error` says nothing personal."""
        ...

    async def written(self, to: str | None, *, limit: int) -> Sequence[Written]:
        """Those whose text is still there, newest first, to one address or number, or to all."""
        ...

    async def counts(self) -> LetterCounts: ...


class NotSentNow(Exception):
    """Whoever carries it cannot take it now; its message says nothing personal, and is for the log."""

    def __init__(self, error: str, *, retry_after_seconds: float = 0.0) -> None:
        super().__init__(error)
        self.retry_after_seconds = retry_after_seconds


class Undeliverable(Exception):
    """Whoever carries it will not take it, however often it is tried; its message says nothing personal.

    `refused`: not to this recipient, so that there is nothing for the operator to mend.
    """

    def __init__(self, error: str, *, refused: bool) -> None:
        super().__init__(error)
        self.refused = refused


class Mail(Protocol):
    """Whoever carries e-mail."""

    async def send(self, letter: Letter, *, id: UUID) -> str:
        """How it is known there; the same `id` makes the same Message-ID. Raises NotSentNow, Undeliverable."""
        ...


class TextMessages(Protocol):
    """Whoever carries text messages."""

    async def send(self, letter: Letter, *, again: bool = False) -> str:
        """How it is known there. Raises NotSentNow, Undeliverable.

        Sent again, it arrives again; with `again` it is looked up first whether it was taken in the last minutes.
        """
        ...
