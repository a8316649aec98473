"""What play sessions keep to: run against PostgreSQL and in memory."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from application.ports.play_sessions import Playing, PlaySession, PlaySessions, Stream, StreamLimit, StreamsTaken
from tests.contracts.members import registered
from tests.contracts.operations import Operations, operations_in
from tests.people import MONDAY

pytestmark = pytest.mark.anyio

ENDS = MONDAY + timedelta(hours=4)


@pytest.fixture(params=["memory", "postgres"], scope="module")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Operations]:
    async with operations_in(request, "module_database") as operations:
        yield operations


@pytest.fixture
def sessions(house: Operations) -> PlaySessions:
    return house.play_sessions


@pytest.fixture
def anna() -> UUID:
    return uuid4()


@pytest.fixture
def video() -> UUID:
    return uuid4()


def after(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def playing(
    account_id: UUID | None, video_id: UUID, *, device_id: str | None = "tv", at: datetime = MONDAY
) -> PlaySession:
    return PlaySession(
        session_id=uuid4(), account_id=account_id, video_id=video_id, device_id=device_id, started_at=at, ends_at=ENDS
    )


async def signed_in(house: Operations, session_id: UUID, account_id: UUID) -> None:
    await house.sign_ins.open_session(
        session_id=session_id,
        account_id=account_id,
        epoch=3,
        refresh_digest=session_id.bytes,
        now=MONDAY,
        expires_at=MONDAY + timedelta(days=30),
    )


async def test_a_video_is_resumed_where_it_was_left(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    evening = playing(anna, video)
    assert await sessions.start(evening) == 0.0
    assert await sessions.beat(evening.session_id, anna, position_seconds=61.5, now=after(1))

    assert await sessions.start(playing(anna, video, device_id="phone", at=after(60))) == 61.5
    assert await sessions.start(playing(anna, uuid4())) == 0.0
    assert await sessions.start(playing(uuid4(), video)) == 0.0


async def test_opening_a_video_for_a_moment_loses_no_place_in_it(
    sessions: PlaySessions, anna: UUID, video: UUID
) -> None:
    evening = playing(anna, video)
    await sessions.start(evening)
    await sessions.beat(evening.session_id, anna, position_seconds=1_800.0, now=after(1))

    await sessions.start(playing(anna, video, at=after(60)))

    assert await sessions.start(playing(anna, video, at=after(120))) == 1_800.0


async def test_of_two_devices_the_one_that_played_last_says_where(
    sessions: PlaySessions, anna: UUID, video: UUID
) -> None:
    tv, phone = playing(anna, video, device_id="tv"), playing(anna, video, device_id="phone", at=after(0.5))
    await sessions.start(tv)
    await sessions.start(phone)
    await sessions.beat(phone.session_id, anna, position_seconds=30.0, now=after(1))
    await sessions.beat(tv.session_id, anna, position_seconds=3_600.0, now=after(1.25))

    assert await sessions.start(playing(anna, video, at=after(90))) == 3_600.0


async def test_a_stranger_is_remembered_by_nobody(sessions: PlaySessions, video: UUID) -> None:
    stranger = playing(None, video, device_id=None)
    await sessions.start(stranger)
    assert await sessions.beat(stranger.session_id, None, position_seconds=99.0, now=after(1))

    assert await sessions.start(playing(None, video)) == 0.0


async def test_a_session_is_beaten_by_its_own_account_alone(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    hers = playing(anna, video)
    await sessions.start(hers)

    assert not await sessions.beat(hers.session_id, uuid4(), position_seconds=5.0, now=after(1))
    assert not await sessions.beat(hers.session_id, None, position_seconds=5.0, now=after(1))
    assert not await sessions.beat(uuid4(), anna, position_seconds=5.0, now=after(1))
    assert await sessions.start(playing(anna, video)) == 0.0


async def test_a_session_ends_by_itself(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    hers = playing(anna, video, at=after(239))
    await sessions.start(hers)

    assert await sessions.live(hers.session_id, now=after(239.5))
    assert not await sessions.live(hers.session_id, now=ENDS)
    assert not await sessions.beat(hers.session_id, anna, position_seconds=5.0, now=ENDS)
    assert not await sessions.end(hers.session_id, anna, now=ENDS)


async def test_a_session_is_ended_once_and_by_its_own_account(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    hers = playing(anna, video)
    await sessions.start(hers)

    assert not await sessions.end(hers.session_id, uuid4(), now=after(1))
    assert not await sessions.end(hers.session_id, None, now=after(1))
    assert await sessions.end(hers.session_id, anna, now=after(1))
    assert not await sessions.end(hers.session_id, anna, now=after(1))
    assert not await sessions.live(hers.session_id, now=after(1))
    assert not await sessions.beat(hers.session_id, anna, position_seconds=5.0, now=after(1))


async def test_a_session_of_which_nothing_is_heard_for_90_seconds_is_dead(
    sessions: PlaySessions, anna: UUID, video: UUID
) -> None:
    hers = playing(anna, video)
    await sessions.start(hers)
    assert await sessions.beat(hers.session_id, anna, position_seconds=5.0, now=after(1.49))

    assert await sessions.live(hers.session_id, now=after(2.98))
    assert not await sessions.live(hers.session_id, now=after(2.99))
    assert not await sessions.beat(hers.session_id, anna, position_seconds=9.0, now=after(2.99))
    assert not await sessions.end(hers.session_id, anna, now=after(2.99))
    assert await sessions.start(playing(anna, video, at=after(3))) == 5.0


async def test_heartbeats_of_many_at_one_moment_are_each_answered_for_themselves(
    sessions: PlaySessions, video: UUID
) -> None:
    viewers = [uuid4() for _ in range(40)]
    theirs = [playing(viewer, video) for viewer in viewers]
    await asyncio.gather(*(sessions.start(session) for session in theirs))

    heard = await asyncio.gather(
        *(
            sessions.beat(session.session_id, session.account_id, position_seconds=float(number), now=after(1))
            for number, session in enumerate(theirs)
        ),
        sessions.beat(theirs[0].session_id, viewers[1], position_seconds=7.0, now=after(1)),
        sessions.beat(theirs[1].session_id, viewers[1], position_seconds=500.0, now=after(1)),
    )

    assert heard == [True] * 40 + [False, True]
    resumed = [await sessions.start(playing(viewer, video, device_id="phone", at=after(5))) for viewer in viewers]
    assert resumed == [0.0, 500.0, *map(float, range(2, 40))]
    live = await asyncio.gather(*(sessions.live(one, now=after(2)) for one in (theirs[0].session_id, uuid4())))
    assert live == [Playing(viewers[0], video), None]


async def test_a_device_plays_one_at_a_time_also_without_a_limit(
    sessions: PlaySessions, anna: UUID, video: UUID
) -> None:
    counted, former, again = playing(anna, video), playing(anna, video), playing(anna, uuid4(), at=after(1))
    others = [playing(anna, video, device_id="phone"), playing(uuid4(), video)]
    nameless = [playing(anna, video, device_id=None), playing(None, video), playing(None, video)]
    await sessions.start_counted(counted, StreamLimit(1))
    for one in (former, *others, *nameless):
        await sessions.start(one)
    assert await sessions.live(counted.session_id, now=after(0)) is None
    assert await sessions.beat(former.session_id, anna, position_seconds=7.0, now=after(0.5))

    await sessions.start(again)

    assert await sessions.live(former.session_id, now=after(1)) is None
    assert not await sessions.beat(former.session_id, anna, position_seconds=8.0, now=after(1))
    for one in (again, *others, *nameless):
        assert await sessions.live(one.session_id, now=after(1)), one
    assert await sessions.start(playing(anna, video, at=after(2))) == 7.0


# Streams.


TWO, ONE_OR_THE_OLDEST = StreamLimit(2), StreamLimit(1, evicts_oldest=True)


async def test_no_more_play_than_the_limit_and_who_is_refused_hears_who_they_are(
    sessions: PlaySessions, anna: UUID, video: UUID
) -> None:
    tv = playing(anna, video, device_id="tv")
    phone = playing(anna, video, device_id="phone", at=after(0.5))
    await sessions.start_counted(phone, TWO)
    await sessions.start_counted(tv, TWO)
    await sessions.beat(phone.session_id, anna, position_seconds=30.0, now=after(0.75))

    with pytest.raises(StreamsTaken) as refused:
        await sessions.start_counted(playing(anna, video, device_id="tablet", at=after(1)), TWO)

    assert refused.value.streams == (
        Stream(session_id=tv.session_id, video_id=video, device_id="tv", started_at=MONDAY, last_seen_at=MONDAY),
        Stream(
            session_id=phone.session_id,
            video_id=video,
            device_id="phone",
            started_at=after(0.5),
            last_seen_at=after(0.75),
        ),
    )
    assert await sessions.live(tv.session_id, now=after(1))
    assert await sessions.start_counted(playing(uuid4(), video), TWO) == 0.0
    assert await sessions.start_counted(playing(anna, video, device_id="tablet", at=after(1)), StreamLimit(3)) == 30.0


@pytest.mark.parametrize("over", ["ended", "silent", "at its end", "signed out"])
async def test_what_is_over_takes_no_stream(
    house: Operations, sessions: PlaySessions, anna: UUID, video: UUID, over: str
) -> None:
    laptop = uuid4()
    await registered(house.ledger, anna, new_passwords=3)
    await signed_in(house, laptop, anna)
    one = replace(playing(anna, video), sign_in_id=laptop, ends_at=after(1) if over == "at its end" else ENDS)
    await sessions.start_counted(one, StreamLimit(1))
    if over == "ended":
        await sessions.end(one.session_id, anna, now=after(1))
    elif over == "signed out":
        await house.sign_ins.end_session(laptop.bytes, now=after(1))
    now = after(1.5) if over == "silent" else after(1)

    await sessions.start_counted(playing(anna, video, device_id="phone", at=now), StreamLimit(1))

    with pytest.raises(StreamsTaken):
        await sessions.start_counted(playing(anna, video, device_id="tablet", at=now), StreamLimit(1))
    # What was found silent stays so, whatever a clock that is late would say.
    assert not await sessions.beat(one.session_id, anna, position_seconds=2.0, now=after(0.5))


async def test_a_device_takes_the_place_of_its_own(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    first, again = playing(anna, video), playing(anna, uuid4(), at=after(1))
    await sessions.start_counted(first, StreamLimit(1))

    await sessions.start_counted(again, StreamLimit(1))

    assert await sessions.live(first.session_id, now=after(1)) is None
    assert await sessions.live(again.session_id, now=after(1))
    boris = uuid4()
    await sessions.start_counted(playing(boris, video, at=after(1)), StreamLimit(1))
    assert await sessions.live(again.session_id, now=after(1))


async def test_devices_without_a_name_are_others(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    await sessions.start_counted(playing(anna, video, device_id=None), StreamLimit(1))

    with pytest.raises(StreamsTaken):
        await sessions.start_counted(playing(anna, video, device_id=None), StreamLimit(1))


async def test_the_oldest_gives_way_where_that_is_wished(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    plays = [playing(anna, video, device_id=f"tv{n}", at=after(n / 10)) for n in range(4)]
    for play in plays[:3]:
        await sessions.start_counted(play, StreamLimit(3))

    await sessions.start_counted(plays[3], StreamLimit(2, evicts_oldest=True))

    assert [bool(await sessions.live(play.session_id, now=after(1))) for play in plays] == [False, False, True, True]
    assert not await sessions.beat(plays[0].session_id, anna, position_seconds=1.0, now=after(1))
    await sessions.start_counted(playing(anna, video, device_id="tv9", at=after(1)), ONE_OR_THE_OLDEST)
    assert await sessions.live(plays[3].session_id, now=after(1)) is None


async def test_who_is_not_counted_is_neither_in_the_way_nor_ended(
    sessions: PlaySessions, anna: UUID, video: UUID
) -> None:
    free = playing(anna, video)
    await sessions.start(free)

    await sessions.start_counted(playing(anna, video, device_id="tv"), ONE_OR_THE_OLDEST)

    assert await sessions.live(free.session_id, now=after(1))


async def test_of_many_at_one_moment_each_account_has_its_own_limit(sessions: PlaySessions, video: UUID) -> None:
    viewers = [uuid4() for _ in range(10)]
    starts = [playing(viewer, video, device_id=f"tv{n}") for n in range(5) for viewer in viewers]

    answers = await asyncio.gather(*(sessions.start_counted(one, TWO) for one in starts), return_exceptions=True)

    started = [one.account_id for one, answer in zip(starts, answers, strict=True) if answer == 0.0]
    assert Counter(started) == Counter(viewers * 2)
    assert sum(isinstance(answer, StreamsTaken) for answer in answers) == 30


# What else ends it.


async def test_a_play_ends_with_the_sign_in_that_it_was_begun_with(
    house: Operations, sessions: PlaySessions, video: UUID
) -> None:
    anna = await registered(house.ledger, new_passwords=3)
    laptop, phone = uuid4(), uuid4()
    for session_id in (laptop, phone):
        await signed_in(house, session_id, anna)
    on_laptop = replace(playing(anna, video, device_id="laptop"), sign_in_id=laptop)
    on_phone = replace(playing(anna, video, device_id="phone"), sign_in_id=phone)
    await sessions.start(on_laptop)
    await sessions.start(on_phone)
    assert await sessions.live(on_laptop.session_id, now=after(0.5)) == Playing(anna, video, 3)

    await house.sign_ins.end_session(laptop.bytes, now=after(0.5))

    assert await sessions.live(on_laptop.session_id, now=after(1)) is None
    assert await sessions.live(on_phone.session_id, now=after(1)) == Playing(anna, video, 3)


async def test_a_play_of_a_sign_in_that_is_not_there_is_over(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    forgotten = replace(playing(anna, video), sign_in_id=uuid4())
    await sessions.start(forgotten)

    assert await sessions.live(forgotten.session_id, now=after(1)) is None
