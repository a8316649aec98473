"""What all facts have in common: a tag of their own, nothing that can be changed, and who they are about."""

from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest

from domain.account.account import AccountRegistered, RoleChanged
from domain.account.contacts import EmailTaken
from domain.facts import FACTS, AnyFact
from domain.plan.plan import PlanCreated
from domain.shared.fact import AccountFact, Fact, Personal, Refusal, account_of, personal_fields
from domain.shared.identity import derived_id
from tests.people import ANNA, COOKING

KINDS: tuple[type[Fact], ...] = get_args(AnyFact)


def every_fact_class(above: type[Fact] = Fact) -> set[type[Fact]]:
    """Those that can be recorded: a tag is given to each of them, while what they inherit from has none."""
    below = {kind for child in above.__subclasses__() for kind in every_fact_class(child)}
    is_recorded = above.__module__.startswith("domain.") and not above.__subclasses__()
    return below | ({above} if is_recorded else set())


def personal(kind: type[Any]) -> list[msgspec.inspect.Field]:
    """The fields that are marked as personal, wherever the mark is."""
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType)
    return [field for field in described.fields if "'personal': True" in repr(field.type)]


def test_every_tag_is_of_one_fact_alone() -> None:
    assert len(FACTS) == len(KINDS)
    assert list(FACTS.values()) == list(KINDS)


def test_the_list_of_facts_is_complete() -> None:
    assert every_fact_class() == set(KINDS)


@pytest.mark.parametrize("tag", FACTS)
def test_a_tag_says_what_it_is_about_and_what_happened(tag: str) -> None:
    about, what = tag.split(".", maxsplit=1)

    assert about in {"account", "plan", "checkout", "subscription", "prepaid", "payment", "dunning", "video"}
    assert what.replace("_", "").isalpha()
    assert tag == tag.lower()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fact_never_changes(kind: type[Fact]) -> None:
    assert kind.__struct_config__.frozen


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_fact_about_an_account_has_personal_fields_and_they_are_text(kind: type[Fact]) -> None:
    assert [field.name for field in personal(kind)] == list(personal_fields(kind))
    assert issubclass(kind, AccountFact) or not personal(kind)
    for field in personal(kind):
        assert isinstance(field.type, msgspec.inspect.Metadata)
        assert isinstance(field.type.type, msgspec.inspect.UnionType)
        assert field.type.type.types == (msgspec.inspect.StrType(), msgspec.inspect.NoneType())


def test_an_address_and_a_name_are_personal() -> None:
    assert personal_fields(AccountRegistered) == ("email", "name")
    assert personal_fields(RoleChanged) == ()


class Moved(AccountFact, frozen=True, tag="test.moved"):
    street: Personal[str]
    city: str | None


def test_a_personal_field_is_found_by_its_mark() -> None:
    assert personal_fields(Moved) == ("street",)


def test_a_fact_knows_whom_it_is_about() -> None:
    assert account_of(RoleChanged(account_id=ANNA, before="viewer", after="admin")) == ANNA
    assert account_of(PlanCreated(terms=COOKING, description="", trial_days=0, duration_days=None)) is None


def test_ids_follow_from_what_they_name() -> None:
    assert derived_id("subscription", "stripe", "sub_1") == UUID("f139d2da-1698-525d-b02a-d48f2ccebfbf")
    assert derived_id("subscription", "stripe", "sub_1") != derived_id("payment", "stripe", "sub_1")


def test_a_refusal_is_named_by_its_reason_and_says_more() -> None:
    refusal = EmailTaken("Somebody has registered with this address.", retry=False)

    assert (refusal.code, refusal.detail, refusal.more) == ("email_taken", str(refusal), {"retry": False})


def test_every_refusal_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in Refusal.__subclasses__() if kind.__module__.startswith("domain.")]

    assert len({kind.code for kind in kinds}) == len(kinds) > 0
