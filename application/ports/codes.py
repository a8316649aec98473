"""One-time codes and links: they prove that somebody reads what is sent to an address or a number."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from application.ports.ledger import GuardedRow
from application.ports.letters import Letter

CodeKind = Literal["sign_in", "email_verification", "email_change", "phone_change", "password_reset", "erasure"]

Shape = Literal["digits", "token"]
"""`digits` are six, typed by hand, and good for five tries, and five from familiar networks; a `token` is 256 bits in a
link."""


class Rule(msgspec.Struct, frozen=True):
    """What a kind of code looks like, and how long it is good for."""

    shape: Shape
    life: timedelta
    to_their_own: bool = False
    """It goes to an address or a number that the account has, and is not made once the account has another."""


RULES: Mapping[CodeKind, Rule] = {
    "sign_in": Rule("digits", timedelta(minutes=10), to_their_own=True),
    "phone_change": Rule("digits", timedelta(minutes=10)),
    "erasure": Rule("digits", timedelta(minutes=10), to_their_own=True),
    "email_change": Rule("token", timedelta(minutes=30)),
    "password_reset": Rule("token", timedelta(minutes=30), to_their_own=True),
    "email_verification": Rule("token", timedelta(hours=24)),
}

TRIES_MAX = 5

LIMITS: Sequence[tuple[int, timedelta]] = ((3, timedelta(minutes=15)), (10, timedelta(days=1)))
"""So many of a kind in so long, for one subject and to one recipient."""


class TooManyCodes(Exception):
    """As many codes of this kind as may have been sent lately; another one after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("Too many codes were asked for; try again later.")
        self.retry_after_seconds = retry_after_seconds


class NewCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code to be sent; a newer one of the same kind, subject and familiarity ends the older."""

    kind: CodeKind
    subject: bytes
    """Whom it is about: the blind index of an address or a number, or the bytes of an account's id."""
    account_id: UUID | None
    """Under whose key the letter and the payload lie; None: nobody's that is known, so the month's."""
    is_familiar: bool = False
    """Asked for from a network from which the subject has signed in before: counted and ended apart from all others."""
    payload: str | None = None
    """What the code stands for, such as a new address."""
    write: Callable[[str], Letter]
    """Makes the letter that carries the code."""
    password_hash: str | None = None
    """Of the password with which it was asked for: it is not made once the account has another."""
    is_sent: bool = True
    """False: nobody gets the letter. It takes as long, counts as much for whom it is written to, and proves nothing."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A code that was the right one; `payload` as it was given."""

    id: UUID
    kind: CodeKind
    account_id: UUID | None
    payload: str | None


class CodeSecrets(Protocol):
    """What codes are made of, and what of them is stored."""

    def new(self, shape: Shape) -> str: ...

    def salt(self) -> bytes: ...

    def digest(self, shape: Shape, secret: str, *, salt: bytes) -> bytes:
        """Of digits with a key and the salt, since there are but a million; of a token without either."""
        ...


class Codes(Protocol):
    """The codes that have been sent, each good once. `now` is real time.

    Every method but the two that make rows raises DatabaseUnavailable.
    """

    async def issue(self, code: NewCode, *, now: datetime) -> datetime:
        """Store the code and write its letter, both or neither; the moment at which the code is over.

        Neither for an account that has been erased by now, has another password than the one that was given, or no
        longer has what a code `to_their_own` goes to: nothing is left that any of these has missed.

        Raises TooManyCodes, ChannelClosed.
        """
        ...

    async def rows(self, code: NewCode, *, now: datetime) -> Sequence[GuardedRow]:
        """The same for the append that makes the account: there is no older code, and no limit.

        Raises ChannelClosed.
        """
        ...

    async def check(
        self, kind: CodeKind, subject: bytes, digits: str, *, now: datetime, is_familiar: bool = False
    ) -> Proof | None:
        """Try digits, which counts a try; the right ones are spent at once. None, whatever is wrong with them.

        They may be those of either live code, wherever they are tried; tries from familiar networks count apart.
        """
        ...

    async def find(self, token: str, *kinds: CodeKind, now: datetime) -> Proof | None:
        """What a token of one of the kinds proves; it is spent by the append that follows from it."""
        ...

    def spending(self, proof: Proof) -> GuardedRow:
        """The row by which an append spends a token that was found: of two appends the second fails with RowMoved."""
        ...

    def ending(self, account_id: UUID, kinds: Sequence[CodeKind]) -> GuardedRow:
        """The row by which an append ends what was sent to this account and is not spent yet."""
        ...
