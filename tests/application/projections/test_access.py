"""The access read model: whoever folds it, and however often it went through the database, it gives one answer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.projections.access import AccountStanding, Title, access
from application.projections.every import PROJECTIONS
from application.projections.projection import Batch
from domain.access.access import ANY_PLAN, Requirement, decide
from domain.access.standing import Standing
from domain.account.account import AccountRegistered, RoleChanged
from domain.shared.fact import AccountFact, Fact
from domain.subscription.truth import BillingPolicy
from domain.video.facts import (
    Rendition,
    VideoCreated,
    VideoDeleted,
    VideoDescribed,
    VideoMadeReady,
    VideoPublished,
    VideoUnpublished,
)
from tests.application.projections.stories import rows_after, rows_of
from tests.domain.annas_subscription import started
from tests.domain.any_story import Heard, policies, stories, told
from tests.domain.records import followed, recorded, registered
from tests.people import ANNA, BORIS, MONDAY, days

BREAD = UUID(int=1)

created = VideoCreated(
    video_id=BREAD, title="Bread", description="", category="", access="subscribers", requires="hd", platform="local"
)
made_ready = VideoMadeReady(
    video_id=BREAD, playback_id="bread-1", duration_seconds=61.5, renditions=(Rendition(240, 400_000),)
)
published, unpublished = VideoPublished(video_id=BREAD), VideoUnpublished(video_id=BREAD)


# Who may watch.


def test_each_account_has_a_standing_of_its_own() -> None:
    rows = rows_of(access, AccountStanding, registered, replace(registered, account_id=BORIS), started)

    assert {key: len(row.standing.terms) for key, row in rows.items()} == {ANNA: 1, BORIS: 0}


def test_a_role_is_in_it() -> None:
    promoted = RoleChanged(account_id=ANNA, before="viewer", after="support")

    assert rows_of(access, AccountStanding, registered, promoted)[ANNA].standing.role == "support"
    admin = AccountRegistered(account_id=ANNA, email=None, name=None, role="admin")
    assert rows_of(access, AccountStanding, admin)[ANNA].standing.role == "admin"


def test_of_who_never_registered_there_is_none() -> None:
    assert rows_of(access, AccountStanding, started) == {}


def test_it_holds_nothing_personal() -> None:
    known = AccountRegistered(account_id=ANNA, email="anna@example.com", name="Anna Schmidt", role="viewer")

    stored = msgspec.json.encode(rows_of(access, AccountStanding, known, started)[ANNA])

    assert b"anna@example.com" not in stored
    assert b"Schmidt" not in stored


# What there is to be watched.


def title_after(*facts: Fact) -> Title:
    return rows_of(access, Title, *facts)[BREAD]


def test_a_title_says_what_it_asks_of_its_viewer() -> None:
    assert title_after(created).requirement() == Requirement(free=False, feature="hd")
    assert title_after(replace(created, access="free", requires=None)).requirement() == Requirement(free=True)
    assert title_after(replace(created, requires=None)).requirement() == ANY_PLAN


def test_a_title_is_published_and_taken_out() -> None:
    assert not title_after(created, made_ready).published
    assert title_after(created, made_ready, published).published
    assert not title_after(created, made_ready, published, unpublished).published


def test_a_title_plays_what_was_made_ready() -> None:
    title = title_after(created, made_ready)

    assert (title.platform, title.playback_id, title.duration_seconds) == ("local", "bread-1", 61.5)


def test_a_title_described_anew_asks_for_something_else() -> None:
    anew = VideoDescribed(video_id=BREAD, title="Rye", description="", category="", access="free", requires=None)

    assert title_after(created, made_ready, published, anew).requirement() == Requirement(free=True)
    assert title_after(created, made_ready, published, anew).published


def test_of_a_deleted_video_there_is_no_title() -> None:
    assert rows_of(access, Title, created, made_ready, published, VideoDeleted(video_id=BREAD)) == {}


def test_of_a_video_that_was_never_created_there_is_no_title() -> None:
    assert rows_of(access, Title, made_ready, published, unpublished) == {}


def test_it_is_written_with_the_facts_and_the_other_read_models_follow() -> None:
    assert [name for name, projection in PROJECTIONS.items() if projection.inline] == ["access"]


# The same answer from every road.

REQUIREMENTS = (ANY_PLAN, Requirement(free=True), Requirement(feature="hd"), Requirement(feature="uhd"))


def as_from_the_database(row: AccountStanding) -> AccountStanding:
    """Through JSON, with the keys in the order in which jsonb gives them back: the short ones first."""
    return msgspec.json.decode(msgspec.json.encode(reordered(msgspec.to_builtins(row))), type=AccountStanding)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in sorted(value, key=lambda key: (len(key), key))}
    return [reordered(one) for one in value] if isinstance(value, list | tuple) else value


def one_fact_at_a_time(facts: Sequence[AccountFact]) -> AccountStanding | None:
    """As the ledger does it: the row is read, folded with one fact, and written again."""
    row: AccountStanding | None = None
    for fact in facts:
        batch = Batch(access)
        if row is not None:
            batch.put(row)
        batch.fold([fact])
        left = batch.by_key[AccountStanding].get(ANNA, row)
        row = as_from_the_database(left) if isinstance(left, AccountStanding) else None
    return row


def answers(standing: Standing | None, now_and_later: Sequence[float]) -> list[object]:
    moments = [MONDAY + days(later) for later in now_and_later]
    return [decide(standing, required, moment) for required in REQUIREMENTS for moment in moments]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories, policies, st.lists(st.sampled_from([-1, 0, 1, 8, 30, 33, 40, 64, 95]), min_size=1, max_size=3))
def test_live_or_rebuilt_or_through_the_database_the_answer_is_the_same(
    story: list[Heard], policy: BillingPolicy, moments: list[float]
) -> None:
    facts: list[AccountFact] = [*recorded(registered)]
    for turn in told(story, policy):
        facts = turn.facts
    live = one_fact_at_a_time(facts)
    rebuilt = rows_after(access, AccountStanding, facts)[ANNA]

    assert live is not None
    expected = answers(followed(facts), moments)
    assert answers(live.standing, moments) == expected
    assert answers(rebuilt.standing, moments) == expected
    assert answers(as_from_the_database(rebuilt).standing, moments) == expected
