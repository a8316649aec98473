"""What was stored once can be read for ever: every fact, in every shape that it has had."""

import pytest
from msgspec.structs import replace

from adapters.eventstore.mapper import FactMapper, opened
from domain.facts import FACTS
from domain.shared.fact import personal_fields
from tests.golden.examples import EXAMPLES
from tests.golden.store import FOLDER, as_stored, file_of, placed


def stored(tag: str) -> bytes:
    return file_of(tag).read_bytes().removesuffix(b"\n")


def test_every_fact_has_an_example() -> None:
    assert set(FACTS) <= set(EXAMPLES)


def test_every_example_is_stored_and_every_stored_one_is_known() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.json")) == sorted(f"{tag}.json" for tag in EXAMPLES)


@pytest.mark.parametrize("tag", EXAMPLES)
def test_what_was_stored_is_read(tag: str) -> None:
    fact = FactMapper().decode(tag, stored(tag))

    assert opened(replace(placed(fact), fact=fact)) == EXAMPLES[tag]


@pytest.mark.parametrize("tag", FACTS)
def test_and_would_be_stored_the_same_again(tag: str) -> None:
    assert as_stored(EXAMPLES[tag]) == stored(tag)


@pytest.mark.parametrize("tag", [tag for tag, kind in FACTS.items() if personal_fields(kind)])
def test_what_is_personal_cannot_be_read_in_it(tag: str) -> None:
    for name in personal_fields(FACTS[tag]):
        assert getattr(EXAMPLES[tag], name).encode() not in stored(tag)
