"""Facts to stored bytes and back: tagged JSON that psql can read, personal fields sealed under the person's key."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from msgspec.structs import replace

from application.ports.vault import Cipher
from domain.facts import FACTS
from domain.shared.fact import Fact, account_of, personal_fields

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

SHAPE = re.compile(r"\.v\d+$")

UPCASTS: dict[str, Upcast] = {}
"""From the tag of an old shape: a pure function on the decoded map that gives the next shape, with its tag."""


NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""As JSON writes it, which is not a backslash followed by a u and four noughts."""


class FactUnstorable(ValueError):
    """A fact holds what PostgreSQL or its own type cannot: each read model that needs it would stop there."""


UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec says of bytes that are no JSON, no text, or not of the type."""


class FactUnreadable(Exception):
    """A stored fact has a tag or a shape that this program does not know."""


class Placed(msgspec.Struct, frozen=True):
    """A fact at its place in its stream, and the cipher of the person it is about; None: that person is erased."""

    originator_id: UUID
    originator_version: int
    fact: Fact
    cipher: Cipher | None


class _NoTranscoder(Transcoder):
    """The library's constructor wants one; msgspec does its work here."""

    def encode(self, obj: Any) -> bytes:
        return msgspec.json.encode(obj)

    def decode(self, data: bytes) -> Any:
        return msgspec.json.decode(data)


class FactMapper(Mapper[UUID]):
    """Stores a fact under its tag; 5 to 8 times as fast as the library's own mapper, which cannot take Structs."""

    def __init__(self, facts: Mapping[str, type[Fact]] = FACTS, upcasts: Mapping[str, Upcast] = UPCASTS) -> None:
        super().__init__(_NoTranscoder())
        self.upcasts = upcasts
        self._decoders = {tag: msgspec.json.Decoder(kind) for tag, kind in facts.items()}
        self._facts = facts

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """From a `Placed`. Raises FactUnstorable."""
        placed: Placed = domain_event
        return StoredEvent(placed.originator_id, placed.originator_version, placed.fact.tag(), self.encode(placed))

    def encode(self, placed: Placed) -> bytes:
        """The stored bytes. Raises FactUnstorable."""
        fact = placed.fact
        state = msgspec.json.encode(_sealed(placed) if personal_fields(type(fact)) else fact)
        if rb"\u0000" in state and NUL.search(state):
            raise FactUnstorable(f"A {fact.tag()!r} has a NUL character in its text; PostgreSQL cannot hold that.")
        self._check_readable(fact.tag(), state)
        return state

    def _check_readable(self, tag: str, state: bytes) -> None:
        """Types and bounds are not checked when a Struct is made, so what is written is read once before: 1 to 2 us."""
        try:
            self.decode(tag, state)
        except FactUnreadable as unreadable:
            raise FactUnstorable(f"A {tag!r} could not be read again: {unreadable.__cause__}") from unreadable

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """To a `Placed` whose personal fields are still sealed; `opened` opens them."""
        fact = self.decode(stored_event.topic, stored_event.state)
        stream = UUID(str(stored_event.originator_id))
        return Placed(stream, stored_event.originator_version, fact, None)

    def decode(self, tag: str, state: bytes) -> Fact:
        """The fact, in its newest shape, its personal fields still sealed. Raises FactUnreadable."""
        try:
            if (decoder := self._decoders.get(tag)) is not None:
                return decoder.decode(state)
            return self._upcast(tag, msgspec.json.decode(state))
        except (*UNDECODABLE, KeyError) as trouble:
            raise FactUnreadable(f"a stored {tag!r} cannot be read: {trouble}") from trouble

    def _upcast(self, tag: str, shape: dict[str, Any]) -> Fact:
        while tag in self.upcasts:
            shape = self.upcasts[tag](shape)
            tag = shape["type"]
        return msgspec.convert(shape, self._facts[tag], strict=False)


def _sealed(placed: Placed) -> dict[str, Any]:
    """The fact as a map whose personal fields cannot be read without the key, nor moved to another place."""
    fields: dict[str, Any] = msgspec.to_builtins(placed.fact)
    for name in personal_fields(type(placed.fact)):
        if fields[name] is not None:
            fields[name] = _seal(placed.cipher, fields[name], _context(placed, name))
    return fields


def _seal(cipher: Cipher | None, value: str, context: bytes) -> str | None:
    return b64encode(cipher.seal(value.encode(), context)).decode() if cipher else None


def opened(placed: Placed) -> Fact:
    """The fact with its personal fields in the clear, or None where the person has been erased. Raises SealBroken."""
    fact = placed.fact
    clear = {}
    for name in personal_fields(type(fact)):
        if (sealed := getattr(fact, name)) is not None:
            clear[name] = _open(placed.cipher, sealed, _context(placed, name))
    return replace(fact, **clear) if clear else fact


def _open(cipher: Cipher | None, sealed: str, context: bytes) -> str | None:
    return cipher.open(b64decode(sealed), context).decode() if cipher else None


def _context(placed: Placed, field: str) -> bytes:
    """Without the shape's number: what was sealed in an old shape opens in the newest, under the same field name."""
    tag = SHAPE.sub("", placed.fact.tag())
    return f"{tag}|{placed.originator_id}|{placed.originator_version}|{field}".encode()


def person_of(fact: Fact) -> UUID | None:
    """Whose key a fact's personal fields need; None where it has none."""
    return account_of(fact) if personal_fields(type(fact)) else None
