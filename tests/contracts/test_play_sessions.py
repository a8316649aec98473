"""What play sessions keep to: run against PostgreSQL and in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from application.ports.play_sessions import Playing, PlaySession, PlaySessions
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
    await sessions.beat(evening.session_id, anna, position_seconds=1_800.0, now=after(30))

    await sessions.start(playing(anna, video, at=after(60)))

    assert await sessions.start(playing(anna, video, at=after(120))) == 1_800.0


async def test_of_two_devices_the_one_that_played_last_says_where(
    sessions: PlaySessions, anna: UUID, video: UUID
) -> None:
    tv, phone = playing(anna, video, device_id="tv"), playing(anna, video, device_id="phone", at=after(5))
    await sessions.start(tv)
    await sessions.start(phone)
    await sessions.beat(phone.session_id, anna, position_seconds=30.0, now=after(6))
    await sessions.beat(tv.session_id, anna, position_seconds=3_600.0, now=after(60))

    assert await sessions.start(playing(anna, video, at=after(90))) == 3_600.0


async def test_a_stranger_is_remembered_by_nobody(sessions: PlaySessions, video: UUID) -> None:
    stranger = playing(None, video, device_id=None)
    await sessions.start(stranger)
    assert await sessions.beat(stranger.session_id, None, position_seconds=99.0, now=after(2))

    assert await sessions.start(playing(None, video)) == 0.0


async def test_a_session_is_beaten_by_its_own_account_alone(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    hers = playing(anna, video)
    await sessions.start(hers)

    assert not await sessions.beat(hers.session_id, uuid4(), position_seconds=5.0, now=after(1))
    assert not await sessions.beat(hers.session_id, None, position_seconds=5.0, now=after(1))
    assert not await sessions.beat(uuid4(), anna, position_seconds=5.0, now=after(1))
    assert await sessions.start(playing(anna, video)) == 0.0


async def test_a_session_ends_by_itself(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    hers = playing(anna, video)
    await sessions.start(hers)

    assert await sessions.live(hers.session_id, now=after(239))
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
    resumed = [await sessions.start(playing(viewer, video, at=after(5))) for viewer in viewers]
    assert resumed == [0.0, 500.0, *map(float, range(2, 40))]
    live = await asyncio.gather(*(sessions.live(one, now=after(9)) for one in (theirs[0].session_id, uuid4())))
    assert live == [Playing(viewers[0], video), None]


async def test_a_play_ends_with_the_sign_in_that_it_was_begun_with(
    house: Operations, sessions: PlaySessions, anna: UUID, video: UUID
) -> None:
    laptop, phone = uuid4(), uuid4()
    for session_id in (laptop, phone):
        await house.sign_ins.open_session(
            session_id=session_id,
            account_id=anna,
            epoch=3,
            refresh_digest=session_id.bytes,
            now=MONDAY,
            expires_at=MONDAY + timedelta(days=30),
        )
    on_laptop, on_phone = (replace(playing(anna, video), sign_in_id=session_id) for session_id in (laptop, phone))
    await sessions.start(on_laptop)
    await sessions.start(on_phone)
    assert await sessions.live(on_laptop.session_id, now=after(1)) == Playing(anna, video, 3)

    await house.sign_ins.end_session(laptop.bytes, now=after(2))

    assert await sessions.live(on_laptop.session_id, now=after(3)) is None
    assert await sessions.live(on_phone.session_id, now=after(3)) == Playing(anna, video, 3)


async def test_a_play_of_a_sign_in_that_is_not_there_is_over(sessions: PlaySessions, anna: UUID, video: UUID) -> None:
    forgotten = replace(playing(anna, video), sign_in_id=uuid4())
    await sessions.start(forgotten)

    assert await sessions.live(forgotten.session_id, now=after(1)) is None
