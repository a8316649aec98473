"""A shape of long ago becomes the newest one on its way in, step by step; what is stored stays as it was."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from adapters.eventstore.mapper import FactMapper, FactUnreadable, Placed, opened
from domain.shared.fact import AccountFact, Actor, Cause, Fact, Personal
from domain.shared.money import Money
from tests.golden.store import STREAM, VERSION, KnownCipher
from tests.people import ANNA, MONDAY


class TipGiven(AccountFact, frozen=True, tag="tip.given.v3"):
    """In its third shape; the first had an amount in dollars and no word to go with it, the second no currency."""

    amount: Money
    note: Personal[str]


def to_second(first: dict[str, Any]) -> dict[str, Any]:
    return {**first, "type": "tip.given.v2", "cents": first["dollars"] * 100, "note": None}


def to_third(second: dict[str, Any]) -> dict[str, Any]:
    return {**second, "type": "tip.given.v3", "amount": {"amount": second["cents"], "currency": "USD"}}


STAMPS = {
    "position": 7,
    "recorded_at": "2027-03-01T12:00:00Z",
    "fact_id": "00000000-0000-0000-0000-000000000007",
    "actor": {"kind": "viewer", "id": "anna"},
    "cause": {"kind": "request", "id": "req_1"},
    "account_id": str(ANNA),
}
FIRST = msgspec.json.encode({"type": "tip.given", "dollars": 5, **STAMPS})
SECOND = msgspec.json.encode({"type": "tip.given.v2", "cents": 500, "note": None, **STAMPS})

five_dollars = TipGiven(
    position=7,
    recorded_at=MONDAY,
    fact_id=UUID(int=7),
    actor=Actor("viewer", "anna"),
    cause=Cause("request", "req_1"),
    account_id=ANNA,
    amount=Money(500, "USD"),
    note=None,
)

mapper = FactMapper(facts={"tip.given.v3": TipGiven}, upcasts={"tip.given": to_second, "tip.given.v2": to_third})


def test_the_first_shape_goes_through_the_second_to_the_third() -> None:
    assert mapper.decode("tip.given", FIRST) == five_dollars


def test_the_second_shape_takes_one_step() -> None:
    assert mapper.decode("tip.given.v2", SECOND) == five_dollars


def test_the_newest_shape_takes_none() -> None:
    stored = mapper.to_stored_event(Placed(STREAM, VERSION, five_dollars, None))

    assert stored.topic == "tip.given.v3"
    assert mapper.decode(stored.topic, stored.state) == five_dollars


def test_the_library_gets_the_fact_with_its_place() -> None:
    stored = mapper.to_stored_event(Placed(STREAM, VERSION, five_dollars, None))

    assert mapper.to_domain_event(stored) == Placed(STREAM, VERSION, five_dollars, None)


@pytest.mark.parametrize(
    ("tag", "state"),
    [
        ("tip.taken_back", b'{"type":"tip.taken_back"}'),
        ("tip.given.v3", b'{"type":"tip.given.v3"}'),
        ("tip.given", b'{"type":"tip.given"}'),
        ("tip.given", b"not json"),
        ("tip.given.v3", msgspec.json.encode({"type": "tip.given.v3", "amount": 5, "note": None, **STAMPS})),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so_by_its_tag(tag: str, state: bytes) -> None:
    with pytest.raises(FactUnreadable, match=tag):
        mapper.decode(tag, state)


def test_a_step_into_nowhere_is_unreadable_too() -> None:
    lost = FactMapper(facts={}, upcasts={"tip.given": to_second})

    with pytest.raises(FactUnreadable):
        lost.decode("tip.given", FIRST)


# Personal fields.


def test_a_personal_field_is_sealed_where_it_lies_and_opened_with_the_key() -> None:
    thanks = replace(five_dollars, note="thank you, Boris")

    sealed = sealed_as_stored(thanks)

    assert isinstance(sealed, TipGiven)
    assert sealed.note is not None
    assert "Boris" not in sealed.note
    assert opened(Placed(STREAM, VERSION, sealed, KnownCipher())) == thanks


def test_without_the_key_it_is_null_and_the_rest_is_as_it_was() -> None:
    sealed = sealed_as_stored(replace(five_dollars, note="thank you, Boris"))

    assert opened(Placed(STREAM, VERSION, sealed, None)) == five_dollars


def test_what_was_never_said_stays_null() -> None:
    assert sealed_as_stored(five_dollars) == five_dollars


def sealed_as_stored(fact: Fact) -> Fact:
    """As it comes back from the ledger, before it is opened."""
    stored = mapper.to_stored_event(Placed(STREAM, VERSION, fact, KnownCipher()))
    return mapper.decode(stored.topic, stored.state)


class NoteLeft(AccountFact, frozen=True, tag="note.left"):
    note: Personal[str]


class NoteLeftOnSide(AccountFact, frozen=True, tag="note.left.v2"):
    note: Personal[str]
    side: str


def test_what_was_sealed_in_the_first_shape_opens_in_the_newest() -> None:
    of_old = Placed(STREAM, VERSION, NoteLeft(account_id=ANNA, note="more salt"), KnownCipher())
    stored = FactMapper(facts={"note.left": NoteLeft}, upcasts={}).to_stored_event(of_old)
    newest = FactMapper(
        facts={"note.left.v2": NoteLeftOnSide},
        upcasts={"note.left": lambda first: {**first, "type": "note.left.v2", "side": "front"}},
    )

    read = newest.decode(stored.topic, bytes(stored.state))
    fact = opened(Placed(STREAM, VERSION, read, KnownCipher()))

    assert b"more salt" not in bytes(stored.state)
    assert isinstance(fact, NoteLeftOnSide)
    assert (fact.note, fact.side) == ("more salt", "front")
