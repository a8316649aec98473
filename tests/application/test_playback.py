"""Playback: one decision on one read, a session and a signed address that never outlive the viewer's own access."""

import dataclasses
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.memory.billing_books import selling
from application.errors import NotFound, NotSignedIn
from application.playback import Preview, SessionEnded, StartedPlayback, TooManyStreams
from application.ports.video_platform import MediaRefused
from application.videos import NewVideo
from domain.access.access import Access, AccountBlocked, PlanUpgradeRequired, SubscriptionRequired
from domain.account.account import Account
from domain.video.video import VideoNotReady
from tests.application.house import BY_ADMIN, COOKING, PASSWORD, House, asked_by
from tests.people import MONDAY, days

pytestmark = pytest.mark.anyio

FILM = NewVideo(title="Bread")
TRAILER = NewVideo(title="Bread, the trailer", access="free")
HD_FILM, UHD_FILM = NewVideo(title="Bread", requires="hd"), NewVideo(title="Bread", requires="uhd")
HOURS_4 = timedelta(hours=4)


async def plays(house: House, viewer: UUID | None, video_id: UUID) -> StartedPlayback:
    return await house.playback.start(viewer, video_id, device_id="tv")


async def a_subscriber(house: House, email: str = "anna@example.com") -> UUID:
    anna = await house.registers(email)
    await house.subscribes(anna, await house.sells())
    return anna


# May she?


async def test_a_subscriber_plays_it(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)

    started = await plays(house, anna, film)

    assert started.grant == house.studio.granted[-1]
    assert started.grant.url == f"memory://{film}/{started.session_id}"
    assert started.grant.expires_at == MONDAY + HOURS_4
    assert started.resume_at_seconds == 0.0


async def test_the_answer_says_on_which_position_it_rests(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)

    assert (await plays(house, anna, film)).position == await house.ledger.head()


async def test_without_a_subscription_payment_is_needed_and_the_reason_is_said(house: House) -> None:
    anna, film = await house.registers(), await house.shows(FILM)

    with pytest.raises(SubscriptionRequired) as refused:
        await plays(house, anna, film)

    answer = refused.value.more["access"]
    assert isinstance(answer, Access)
    assert (answer.granted, answer.reason) == (False, "no_subscription")
    assert refused.value.detail == answer.otherwise
    assert refused.value.more["ledger_position"] == await house.ledger.head()
    assert house.studio.granted == []


async def test_when_it_has_ended_that_is_the_reason_by_its_facts(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    await house.subscriptions.cancel(anna, at_period_end=False, subscription_id=None, asked=asked_by(anna))

    with pytest.raises(SubscriptionRequired) as refused:
        await plays(house, anna, film)

    answer = refused.value.more["access"]
    assert answer.reason == "ended"
    assert answer.deciding[-1].type == "subscription.ended"


async def test_a_feature_that_her_plan_lacks_needs_an_upgrade(house: House) -> None:
    anna, in_hd, in_uhd = await a_subscriber(house), await house.shows(HD_FILM), await house.shows(UHD_FILM)

    await plays(house, anna, in_hd)
    with pytest.raises(PlanUpgradeRequired) as refused:
        await plays(house, anna, in_uhd)

    assert refused.value.more["access"].reason == "feature_missing"


async def test_a_disabled_account_plays_nothing_not_even_what_is_free(house: House) -> None:
    anna, film, trailer = await a_subscriber(house), await house.shows(FILM), await house.shows(TRAILER)
    await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.disable(reason="chargebacks"))

    for video_id in (film, trailer):
        with pytest.raises(AccountBlocked) as refused:
            await plays(house, anna, video_id)
        assert refused.value.more["access"].reason == "blocked"


async def test_a_stranger_plays_what_is_free_and_signs_in_for_the_rest(house: House) -> None:
    film, trailer = await house.shows(FILM), await house.shows(TRAILER)

    await plays(house, None, trailer)
    with pytest.raises(NotSignedIn):
        await plays(house, None, film)


async def test_only_what_is_published_is_played(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    await house.videos.unpublish(film, BY_ADMIN)

    with pytest.raises(VideoNotReady):
        await plays(house, anna, film)
    with pytest.raises(NotFound):
        await plays(house, anna, UUID(int=404))


# A preview.


async def test_who_may_not_watch_is_shown_the_beginning_where_that_is_wished(house: House) -> None:
    anna, film, in_uhd = await house.registers(), await house.shows(FILM), await house.shows(UHD_FILM)
    clara = await a_subscriber(house, "clara@example.com")
    playback = dataclasses.replace(house.playback, preview_seconds=30)

    for viewer, video_id, refusal in ((anna, film, SubscriptionRequired), (clara, in_uhd, PlanUpgradeRequired)):
        with pytest.raises(refusal) as refused:
            await playback.start(viewer, video_id, device_id=None)
        preview: Preview = refused.value.more["preview"]
        assert (preview.seconds, preview.expires_at) == (30, MONDAY + timedelta(hours=1))
        assert (await playback.media(preview.token, video_id, "240p.mp4")).is_preview

    with pytest.raises(SubscriptionRequired) as refused:
        await plays(house, anna, film)
    assert "preview" not in refused.value.more


@pytest.mark.parametrize("end", ["withdrawn", "switched off"])
async def test_a_preview_ends_with_its_video_and_with_all_previews(house: House, end: str) -> None:
    anna, film = await house.registers(), await house.shows(FILM)
    playback = dataclasses.replace(house.playback, preview_seconds=30)
    with pytest.raises(SubscriptionRequired) as refused:
        await playback.start(anna, film, device_id=None)

    if end == "withdrawn":
        await house.videos.unpublish(film, BY_ADMIN)
    else:
        playback = house.playback

    with pytest.raises(MediaRefused):
        await playback.media(refused.value.more["preview"].token, film, "240p.mp4")


async def test_who_is_shut_out_and_who_is_nobody_is_shown_nothing(house: House) -> None:
    anna, film = await house.registers(), await house.shows(FILM)
    await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.disable(reason="chargebacks"))
    playback = dataclasses.replace(house.playback, preview_seconds=30)

    with pytest.raises(AccountBlocked) as refused:
        await playback.start(anna, film, device_id=None)
    assert "preview" not in refused.value.more
    with pytest.raises(NotSignedIn):
        await playback.start(None, film, device_id=None)


# Until when?


@pytest.mark.parametrize(
    ("cancelled", "later", "expires_at"),
    [
        (False, days(1), MONDAY + days(1) + HOURS_4),
        (True, days(30) - timedelta(hours=5), MONDAY + days(30) - timedelta(hours=1)),
        (True, days(30) - timedelta(minutes=5), MONDAY + days(30)),
        (False, days(32) - timedelta(minutes=5), MONDAY + days(32)),
    ],
)
async def test_the_token_never_outlives_her_access(
    house: House, *, cancelled: bool, later: timedelta, expires_at: object
) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    if cancelled:
        await house.subscriptions.cancel(anna, at_period_end=True, subscription_id=None, asked=asked_by(anna))
    await house.moves_to(MONDAY + later)

    started = await plays(house, anna, film)

    assert started.grant.expires_at == expires_at


@pytest.mark.parametrize(
    ("duration_seconds", "life"),
    [(60.0, timedelta(hours=4)), (3 * 3600.0, timedelta(hours=5)), (20 * 3600.0, timedelta(hours=12))],
)
async def test_a_token_lasts_for_one_sitting(house: House, duration_seconds: float, life: timedelta) -> None:
    house.studio.duration_seconds = duration_seconds
    trailer = await house.shows(TRAILER)

    started = await plays(house, None, trailer)

    assert started.grant.expires_at == MONDAY + life


# How tall?


async def test_a_plan_with_a_limit_limits_the_picture(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)

    await plays(house, anna, film)

    assert house.studio.heights == [720]


async def test_of_several_plans_the_best_counts(house: House) -> None:
    anna = await a_subscriber(house)
    film, customer = await house.shows(FILM), await house.customer_of(anna)
    first = await house.subscription_seen(customer)
    for plan, height in (("Better", 1080), ("Best", None)):
        await house.sells(replace(COOKING, name=plan, max_height=height, price_id=f"price_{plan}"))
        better = selling(replace(first, reference=f"sub_{plan}"), price_id=f"price_{plan}")
        house.billing.tell(customer.customer_id, better)
        await house.convergence.settle(customer)
        await plays(house, anna, film)

    assert house.studio.heights == [1080, None]


async def test_what_is_free_is_not_the_smaller_for_who_pays(house: House) -> None:
    anna, trailer = await a_subscriber(house), await house.shows(TRAILER)

    await plays(house, None, trailer)
    await plays(house, anna, trailer)

    assert house.studio.heights == [None, None]


# On how many devices?


async def plays_on(house: House, device_id: str | None, viewer: UUID | None, video_id: UUID) -> StartedPlayback:
    return await house.playback.start(viewer, video_id, device_id=device_id)


async def a_couple(house: House, streams: int = 2) -> tuple[UUID, UUID]:
    """Anna, whose plan lets two devices play at once, and a film."""
    anna = await house.registers()
    await house.subscribes(anna, await house.sells(replace(COOKING, stream_limit=streams)))
    return anna, await house.shows(FILM)


async def test_a_plan_lets_as_many_devices_play_as_it_says(house: House) -> None:
    anna, film = await a_couple(house)
    tv, phone = [await plays_on(house, device, anna, film) for device in ("tv", "phone")]

    with pytest.raises(TooManyStreams) as refused:
        await plays_on(house, "tablet", anna, film)

    assert refused.value.more["limit"] == 2
    assert [stream.session_id for stream in refused.value.more["streams"]] == [tv.session_id, phone.session_id]
    assert refused.value.code == "too_many_streams"
    await house.playback.stop(anna, tv.session_id)
    await plays_on(house, "tablet", anna, film)


async def test_where_the_oldest_gives_way_it_is_over_at_once(house: House) -> None:
    anna, film = await a_couple(house, streams=1)
    playback = dataclasses.replace(house.playback, evicts_oldest=True)
    tv = await playback.start(anna, film, device_id="tv")

    phone = await playback.start(anna, film, device_id="phone")

    with pytest.raises(SessionEnded):
        await playback.heartbeat(anna, tv.session_id, position_seconds=1.0)
    with pytest.raises(MediaRefused):
        await playback.media(tv.grant.token, film, "240p.mp4")
    await playback.media(phone.grant.token, film, "240p.mp4")


async def test_no_place_in_a_video_is_less_than_nothing(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    started = await plays_on(house, "tv", anna, film)

    await house.playback.heartbeat(anna, started.session_id, position_seconds=-0.0)

    assert str((await plays_on(house, "tv", anna, film)).resume_at_seconds) == "0.0"


async def test_a_device_that_starts_again_takes_nobodys_place(house: House) -> None:
    anna, film = await a_couple(house, streams=1)
    before = await plays_on(house, "tv", anna, film)

    await plays_on(house, "tv", anna, film)

    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, before.session_id, position_seconds=1.0)
    with pytest.raises(TooManyStreams):
        await plays_on(house, None, anna, film)


async def test_what_is_free_and_what_strangers_watch_is_not_counted(house: House) -> None:
    (anna, film), trailer = await a_couple(house, streams=1), await house.shows(TRAILER)
    await plays_on(house, "tv", anna, film)

    for viewer in (anna, None, None):
        await plays_on(house, "phone", viewer, trailer)

    await plays_on(house, "tv", anna, film)


async def test_without_a_limit_nothing_is_counted(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)

    plays = [await plays_on(house, f"tv{number}", anna, film) for number in range(20)]

    for one in plays:
        await house.playback.heartbeat(anna, one.session_id, position_seconds=1.0)


async def test_of_several_limits_the_most_generous_counts_and_a_grant_has_none(house: House) -> None:
    anna, film = await a_couple(house, streams=1)
    customer = await house.customer_of(anna)
    await house.sells(replace(COOKING, name="Family", stream_limit=3, price_id="price_family"))
    family = replace(await house.subscription_seen(customer), reference="sub_family")
    house.billing.tell(customer.customer_id, selling(family, price_id="price_family"))
    await house.convergence.settle(customer)

    for device in ("tv", "phone", "tablet"):
        await plays_on(house, device, anna, film)
    with pytest.raises(TooManyStreams):
        await plays_on(house, "laptop", anna, film)

    await house.grants.grant(anna, until=MONDAY + days(1), reason="a gift", features=(), asked=BY_ADMIN)
    await plays_on(house, "laptop", anna, film)


async def test_days_that_were_bought_have_their_limit(house: House) -> None:
    anna, film = await house.registers(), await house.shows(FILM)
    week = replace(COOKING, interval="once", duration_days=7, stream_limit=1)
    await house.subscribes(anna, await house.sells(week))
    await plays_on(house, "tv", anna, film)

    with pytest.raises(TooManyStreams):
        await plays_on(house, "phone", anna, film)


# The session.


async def test_she_goes_on_where_she_left_it(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    first = await plays(house, anna, film)
    await house.playback.heartbeat(anna, first.session_id, position_seconds=93.5)

    assert (await plays(house, anna, film)).resume_at_seconds == 93.5
    assert (await plays(house, anna, await house.shows(HD_FILM))).resume_at_seconds == 0.0


async def test_a_session_that_was_stopped_is_over(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    started = await plays(house, anna, film)

    await house.playback.stop(anna, started.session_id)

    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, started.session_id, position_seconds=1.0)
    with pytest.raises(MediaRefused):
        await house.playback.media(started.grant.token, film, "240p.mp4")
    with pytest.raises(NotFound):
        await house.playback.stop(anna, started.session_id)


async def test_a_session_ends_with_its_token(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    await house.subscriptions.cancel(anna, at_period_end=True, subscription_id=None, asked=asked_by(anna))
    await house.moves_to(MONDAY + days(30) - timedelta(minutes=1))
    started = await plays(house, anna, film)
    await house.moves_to(started.grant.expires_at)

    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, started.session_id, position_seconds=1.0)
    with pytest.raises(MediaRefused):
        await house.playback.media(started.grant.token, film, "240p.mp4")


async def test_a_session_of_which_nothing_is_heard_for_90_seconds_is_over(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    started = await plays(house, anna, film)
    await house.moves_to(MONDAY + timedelta(seconds=89))
    await house.playback.heartbeat(anna, started.session_id, position_seconds=88.0)
    await house.moves_to(MONDAY + timedelta(seconds=178))
    await house.playback.media(started.grant.token, film, "240p.mp4")

    await house.moves_to(MONDAY + timedelta(seconds=179))

    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, started.session_id, position_seconds=178.0)
    with pytest.raises(MediaRefused):
        await house.playback.media(started.grant.token, film, "240p.mp4")
    assert (await plays(house, anna, film)).resume_at_seconds == 88.0


async def test_somebody_elses_session_is_not_hers(house: House) -> None:
    anna, boris = await a_subscriber(house), await a_subscriber(house, "boris@example.com")
    started = await plays(house, boris, await house.shows(FILM))

    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, started.session_id, position_seconds=1.0)
    with pytest.raises(NotFound):
        await house.playback.stop(anna, started.session_id)


async def test_the_pieces_are_served_while_the_session_lives(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    started = await plays(house, anna, film)

    file = await house.playback.media(started.grant.token, film, "240p.mp4")

    assert file.session_id == started.session_id


async def test_a_picture_needs_no_session(house: House) -> None:
    film = await house.shows(FILM)

    assert (await house.playback.media("any", film, "poster.jpg")).media_type == "image/jpeg"


@pytest.mark.parametrize("loss", ["cancelled at once", "disabled", "unpublished"])
async def test_what_she_began_ends_with_what_it_rested_on(house: House, loss: str) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    started = await plays(house, anna, film)
    await house.playback.media(started.grant.token, film, "master.m3u8")

    if loss == "cancelled at once":
        await house.subscriptions.cancel(anna, at_period_end=False, subscription_id=None, asked=asked_by(anna))
    elif loss == "disabled":
        await house.records.decide(Account, anna, BY_ADMIN, lambda account: account.disable(reason="chargebacks"))
    else:
        await house.videos.unpublish(film, BY_ADMIN)

    with pytest.raises(MediaRefused):
        await house.playback.media(started.grant.token, film, "master.m3u8")
    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, started.session_id, position_seconds=5.0)


async def test_what_is_played_by_a_sign_in_stops_when_that_or_all_sign_ins_end(house: House) -> None:
    anna, film = await a_subscriber(house), await house.shows(FILM)
    laptop, phone = await signed_in(house), await signed_in(house)
    on_laptop, on_phone = [
        await house.playback.start(anna, film, device_id=None, sign_in_id=session_id) for session_id in (laptop, phone)
    ]
    await house.playback.heartbeat(anna, on_laptop.session_id, position_seconds=1.0)

    await house.signing_in.sign_out_of(anna, laptop)

    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, on_laptop.session_id, position_seconds=2.0)
    await house.playback.heartbeat(anna, on_phone.session_id, position_seconds=2.0)

    await house.records.decide(Account, anna, asked_by(anna), lambda account: account.change_password("reset"))

    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, on_phone.session_id, position_seconds=3.0)


async def signed_in(house: House) -> UUID:
    tokens = await house.signing_in.sign_in(email="anna@example.com", password=PASSWORD)
    return (await house.signing_in.who_is(tokens.access_token)).session_id
