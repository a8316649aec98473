"""What the read models answer, by facts on a ledger: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from application.ports.ledger import Write
from application.ports.sign_in import Session
from application.projections.access import Title
from application.projections.catalogue import Listed
from domain.account.account import AccountDisabled, AccountRegistered
from domain.payment.payment import PaymentRefunded, PaymentSucceeded
from domain.plan.plan import PlanCreated, PriceBound
from domain.shared.fact import Fact
from domain.shared.money import Money
from domain.subscription.facts import GraceStarted
from domain.video.facts import (
    Audience,
    Rendition,
    UploadGranted,
    UploadReceived,
    VideoCreated,
    VideoFact,
    VideoFailed,
    VideoMadeReady,
    VideoPublished,
    VideoTakenIn,
    VideoUnpublished,
)
from tests.contracts.members import claim_of
from tests.contracts.operations import Operations, operations_in
from tests.people import ANNA, BORIS, COOKING, MONDAY, days

pytestmark = pytest.mark.anyio

SATURDAY = MONDAY - days(2)
LADDER = (Rendition(240, 400_000), Rendition(720, 2_400_000))


@pytest.fixture(params=["memory", "postgres"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "database") as operations:
        yield operations


async def recorded(house: Operations, stream: UUID, *facts: Fact) -> int:
    version = len(await house.ledger.read(stream))
    position = await house.ledger.append(Write(stream, version, [replace(fact, fact_id=uuid4()) for fact in facts]))
    house.follow()
    return position


async def register(house: Operations, account_id: UUID) -> int:
    fact = AccountRegistered(account_id=account_id, email="anna@example.com", name="Anna", role="support")
    return await recorded(house, account_id, fact)


async def create(
    house: Operations,
    title: str,
    *,
    description: str = "",
    category: str = "cooking",
    access: Audience = "subscribers",
    publish: bool = True,
) -> UUID:
    video_id = uuid4()
    created = VideoCreated(
        video_id=video_id,
        title=title,
        description=description,
        category=category,
        access=access,
        requires="hd",
        platform="local",
    )
    ready = VideoMadeReady(video_id=video_id, playback_id="play-1", duration_seconds=61.25, renditions=LADDER)
    uploaded = UploadReceived(video_id=video_id, size_bytes=1, sha256="")
    facts = (created, uploaded, ready, VideoPublished(video_id=video_id)) if publish else (created,)
    await recorded(house, video_id, *facts)
    return video_id


async def titles(
    house: Operations,
    *,
    query: str | None = None,
    category: str | None = None,
    access: str | None = None,
    before: int | None = None,
    limit: int = 20,
) -> list[str]:
    found = await house.catalogue.page(query=query, category=category, access=access, before=before, limit=limit)
    return [video.title for video in found]


async def test_a_scene_is_all_that_a_playback_answer_needs(house: Operations) -> None:
    await register(house, ANNA)
    soup = await create(house, "Soup")

    scene = await house.access.scene(ANNA, soup)

    assert scene.title == Title(
        video_id=soup,
        free=False,
        requires="hd",
        published=True,
        platform="local",
        playback_id="play-1",
        duration_seconds=61.25,
    )
    assert scene.standing == await house.access.standing(ANNA)
    assert scene.standing is not None
    assert scene.standing.role == "support"
    assert scene.position == await house.ledger.head() == 5


async def test_a_scene_for_a_stranger_and_of_nothing(house: Operations) -> None:
    empty = await house.access.scene(None, uuid4())
    assert (empty.standing, empty.title, empty.position) == (None, None, 0)

    soup = await create(house, "Soup")
    stranger = await house.access.scene(None, soup)
    assert stranger.standing is None
    assert stranger.title is not None
    assert await house.access.standing(ANNA) is None


async def claims_an_address(house: Operations, account_id: UUID) -> None:
    """Who has claimed none is signed in by nobody."""
    await house.ledger.append(rows=[claim_of(account_id)])


async def test_a_scene_has_the_sign_in_that_was_asked_for(house: Operations) -> None:
    await register(house, ANNA)
    await claims_an_address(house, ANNA)
    session_id, until = uuid4(), MONDAY + days(30)
    await house.sign_ins.open_session(
        session_id=session_id, account_id=ANNA, epoch=0, refresh_digest=b"first", now=MONDAY, expires_at=until
    )

    scene = await house.access.scene(ANNA, uuid4(), sign_in_id=session_id)

    assert scene.sign_in == await house.sign_ins.session(session_id, now=MONDAY)
    assert scene.sign_in is not None
    assert (scene.sign_in.role, scene.sign_in.disabled) == ("support", False)
    assert (await house.access.scene(ANNA, uuid4())).sign_in is None
    assert (await house.access.scene(ANNA, uuid4(), sign_in_id=uuid4())).sign_in is None
    assert (await house.access.scene(uuid4(), uuid4(), sign_in_id=session_id)).sign_in is None
    assert (await house.access.scene(None, uuid4(), sign_in_id=session_id)).sign_in is None


async def test_a_scene_says_at_once_that_a_sign_in_is_over(house: Operations) -> None:
    await register(house, ANNA)
    await claims_an_address(house, ANNA)
    sign_ins, now = house.sign_ins, MONDAY
    first, second, third = uuid4(), uuid4(), uuid4()
    for session_id in (first, second):
        await sign_ins.open_session(
            session_id=session_id,
            account_id=ANNA,
            epoch=0,
            refresh_digest=session_id.bytes,
            now=now,
            expires_at=now + days(30),
        )

    async def seen(session_id: UUID) -> Session | None:
        return (await house.access.scene(ANNA, uuid4(), sign_in_id=session_id)).sign_in

    await sign_ins.end_session(first.bytes, now=now)
    assert await seen(first) is None
    assert await seen(second) is not None

    await recorded(house, ANNA, AccountDisabled(account_id=ANNA, reason="abuse"))
    assert await seen(second) is None

    await sign_ins.open_session(
        session_id=third, account_id=ANNA, epoch=1, refresh_digest=b"third", now=now, expires_at=now + days(30)
    )
    assert await seen(third) is None


async def test_a_scene_is_never_behind_what_was_appended(house: Operations) -> None:
    soup = await create(house, "Soup")

    for unpublished in (True, False) * 3:
        fact = VideoUnpublished(video_id=soup) if unpublished else VideoPublished(video_id=soup)
        position = await recorded(house, soup, fact)
        scene = await house.access.scene(None, soup)
        assert scene.title is not None
        assert (scene.title.published, scene.position) == (not unpublished, position)


async def test_scenes_asked_for_at_one_moment_are_not_mixed_up(house: Operations) -> None:
    await register(house, ANNA)
    videos = [await create(house, f"Course {number}") for number in range(5)]
    asked = [(account, video) for video in [*videos, uuid4(), *videos] for account in (ANNA, None, uuid4())]

    scenes = await asyncio.gather(*(house.access.scene(account, video) for account, video in asked))

    assert [(scene.standing is not None, scene.title and scene.title.video_id) for scene in scenes] == [
        (account == ANNA, video if video in videos else None) for account, video in asked
    ]


async def test_the_catalogue_shows_what_is_published_the_last_first(house: Operations) -> None:
    await create(house, "Soup")
    await create(house, "Unfinished", publish=False)
    salad = await create(house, "Salad")
    await create(house, "Bread")
    await recorded(house, salad, VideoUnpublished(video_id=salad))

    assert await titles(house) == ["Bread", "Soup"]
    await recorded(house, salad, VideoPublished(video_id=salad))
    assert await titles(house) == ["Salad", "Bread", "Soup"]


async def test_pages_follow_each_other_without_a_gap_while_more_is_published(house: Operations) -> None:
    for number in range(5):
        await create(house, f"Course {number}")

    first = await house.catalogue.page(query=None, category=None, access=None, before=None, limit=2)
    await create(house, "Course 5")
    second = await titles(house, before=first[-1].published_position, limit=2)
    third = await titles(house, before=first[-1].published_position, limit=10)

    assert [video.title for video in first] == ["Course 4", "Course 3"]
    assert second == ["Course 2", "Course 1"]
    assert third == ["Course 2", "Course 1", "Course 0"]
    assert await titles(house, before=1) == []


async def test_a_listed_video_is_whole(house: Operations) -> None:
    soup = await create(house, "Soup", description="Hot", access="free")

    video = await house.catalogue.video(soup)

    assert video == Listed(
        soup,
        "Soup",
        "Hot",
        "cooking",
        "free",
        "hd",
        "local",
        "published",
        created_position=1,
        playback_id="play-1",
        duration_seconds=61.25,
        renditions=LADDER,
        published_at=MONDAY,
        published_position=4,
    )
    assert await house.catalogue.page(query=None, category=None, access=None, before=None, limit=1) == [video]
    assert await house.catalogue.video(uuid4()) is None


async def test_an_unpublished_video_is_found_by_its_id(house: Operations) -> None:
    house.clock.moment = MONDAY + timedelta(microseconds=1)
    draft = await create(house, "Draft", publish=False)

    video = await house.catalogue.video(draft)

    assert video is not None
    assert (video.status, video.published_at, video.duration_seconds, video.renditions) == ("waiting", None, None, ())


async def test_unfinished_are_those_that_a_platform_is_at_or_waits_for(house: Operations) -> None:
    async def at_mux(*facts: VideoFact) -> UUID:
        video_id = uuid4()
        created = VideoCreated(
            video_id=video_id,
            title="Soup",
            description="",
            category="",
            access="free",
            requires=None,
            platform="mux",
        )
        await recorded(house, video_id, created, *[replace(fact, video_id=video_id) for fact in facts])
        return video_id

    granted = UploadGranted(video_id=ANNA, upload_id="upload-1", expires_at=MONDAY)
    taken_in = VideoTakenIn(video_id=ANNA, asset_id="asset-1")
    await create(house, "Ours", publish=False)
    await at_mux()
    await at_mux(granted, taken_in, VideoFailed(video_id=ANNA, reason="not_a_video", detail=""))
    waited_for = await at_mux(granted)
    worked_on = await at_mux(granted, taken_in)

    async def unfinished(platforms: list[str], *, since: datetime = SATURDAY, limit: int = 10) -> list[UUID]:
        found = await house.catalogue.unfinished(platforms, waited_since=since, limit=limit)
        return [video.video_id for video in found]

    assert await unfinished(["mux"]) == [worked_on, waited_for]
    assert await unfinished(["mux"], limit=1) == [worked_on]
    assert await unfinished(["mux"], since=MONDAY) == [worked_on]
    assert await unfinished(["cloudflare"]) == await unfinished([]) == []


async def test_the_catalogue_is_narrowed_by_category_and_access(house: Operations) -> None:
    await create(house, "Soup", category="cooking", access="free")
    await create(house, "Salad", category="cooking")
    await create(house, "Chess", category="games", access="free")

    assert await titles(house, category="cooking") == ["Salad", "Soup"]
    assert await titles(house, access="free") == ["Chess", "Soup"]
    assert await titles(house, category="cooking", access="free") == ["Soup"]
    assert await titles(house, category="") == []


async def test_words_are_found_in_titles_and_descriptions_in_capitals_or_not(house: Operations) -> None:
    await create(house, "Borscht", description="Soup of the Éclair family")
    await create(house, "Summer SOUPS")
    await create(house, "Chess")

    assert await titles(house, query="soup") == ["Summer SOUPS", "Borscht"]
    assert await titles(house, query="éclair") == ["Borscht"]
    assert await titles(house, query="") == ["Chess", "Summer SOUPS", "Borscht"]
    assert await titles(house, query="tea") == []


async def test_signs_that_mean_something_to_a_database_mean_themselves(house: Operations) -> None:
    for title in ("100% rye", "snake_case", "back\\slash", "snakeXcase"):
        await create(house, title)

    assert await titles(house, query="0%") == await titles(house, query="%") == ["100% rye"]
    assert await titles(house, query="_") == await titles(house, query="snake_") == ["snake_case"]
    assert await titles(house, query="\\") == await titles(house, query="back\\s") == ["back\\slash"]
    assert await titles(house, query="s%e") == await titles(house, query="'; DROP") == []


async def test_plans_are_offered_once_they_have_a_price_newest_first(house: Operations) -> None:
    chess = replace(COOKING, plan_id=uuid4(), name="Chess", features=())
    for terms in (COOKING, chess):
        created = PlanCreated(terms=terms, description="All of it", trial_days=7, duration_days=None)
        await recorded(house, terms.plan_id, created)
    assert await house.plans.page(before=None, limit=20) == []

    for terms, price_id in ((COOKING, "price_1"), (chess, "price_2"), (COOKING, "price_3")):
        bound = PriceBound(plan_id=terms.plan_id, provider="stripe", price_id=price_id, price=terms.price)
        await recorded(house, terms.plan_id, bound)

    newest, oldest = await house.plans.page(before=None, limit=20)
    assert (newest.name, oldest.name) == ("Chess", "Cooking")
    assert (oldest.amount, oldest.currency, oldest.interval, oldest.features) == (999, "USD", "month", ("hd", "sd"))
    assert (oldest.trial_days, oldest.stream_limit, oldest.price_ids) == (7, None, ("price_1", "price_3"))
    assert await house.plans.page(before=None, limit=1) == [newest]
    assert await house.plans.page(before=newest.created_position, limit=20) == [oldest]
    assert await house.plans.plan(COOKING.plan_id) == oldest
    assert await house.plans.plan(uuid4()) is None


def paid(account_id: UUID, payment_id: UUID) -> PaymentSucceeded:
    return PaymentSucceeded(
        account_id=account_id,
        payment_id=payment_id,
        provider="stripe",
        provider_reference="in_1",
        subscription_reference=None,
        amount=Money(999, "USD"),
        paid_at=MONDAY,
        receipt_url=None,
    )


async def test_payments_are_found_newest_first_everybodys_and_one_persons(house: Operations) -> None:
    streams = [uuid4() for _ in range(4)]
    for stream, account_id in zip(streams, (ANNA, BORIS, ANNA, ANNA), strict=True):
        await recorded(house, stream, paid(account_id, stream))
    refund = PaymentRefunded(
        account_id=ANNA,
        payment_id=streams[0],
        provider="stripe",
        provider_reference="in_1",
        subscription_reference=None,
        refund_reference="re_1",
        amount=Money(999, "USD"),
        kept=Money(0, "USD"),
    )
    await recorded(house, streams[0], refund)

    everybodys = await house.payments.page(before=None, limit=3)
    rest = await house.payments.page(before=everybodys[-1].first_position, limit=3)
    hers = await house.payments.of_account(ANNA, before=None, limit=2)
    rest_of_hers = await house.payments.of_account(ANNA, before=hers[-1].first_position, limit=2)

    assert [each.payment_id for each in [*everybodys, *rest]] == streams[::-1]
    assert [each.payment_id for each in [*hers, *rest_of_hers]] == [streams[3], streams[2], streams[0]]
    assert (rest_of_hers[0].status, rest_of_hers[0].paid_at, rest_of_hers[0].refunds[0].reference) == (
        "refunded",
        MONDAY,
        "re_1",
    )
    assert await house.payments.of_account(uuid4(), before=None, limit=2) == []


async def test_graces_are_found_by_when_there_is_something_to_tell(house: Operations) -> None:
    for subscription_id, since in ((uuid4(), MONDAY + days(count)) for count in (2, 0, 1)):
        grace = GraceStarted(account_id=ANNA, subscription_id=subscription_id, since=since, until=since + days(7))
        await recorded(house, subscription_id, grace)

    assert [grace.since for grace in await house.graces.due(MONDAY + days(7), limit=9)] == [MONDAY, MONDAY + days(1)]
    assert [grace.due_at for grace in await house.graces.due(MONDAY + days(7), limit=1)] == [MONDAY + days(6)]
    assert await house.graces.due(MONDAY + days(5.9), limit=9) == []


async def test_a_read_model_that_has_come_far_enough_is_not_waited_for(house: Operations) -> None:
    assert await house.positions.head() == 0
    assert await house.positions.wait_for(0, timeout_seconds=0.5)

    position = await register(house, ANNA)

    assert await house.positions.head() == position
    assert await house.positions.wait_for(position, timeout_seconds=0.5)
    assert not await house.positions.wait_for(position + 1, timeout_seconds=0.01)
