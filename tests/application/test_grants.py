"""By hand: who did it and why is on the ledger, billing is never touched, and what plays is stopped by a block."""

import asyncio
from uuid import UUID

import pytest

from application.errors import NotFound
from application.playback import SessionEnded
from application.ports.video_platform import MediaRefused
from application.videos import NewVideo
from domain.access.access import ANY_PLAN, Access, AccountBlocked, PlanUpgradeRequired, decide
from domain.account.by_hand import AccessGranted, BlockLifted, BlockPlaced, EndInThePast, EndTooFarAhead, GrantWithdrawn
from tests.application.house import BY_ADMIN, House, asked_by
from tests.people import BORIS, MONDAY, days

pytestmark = pytest.mark.anyio

TUESDAY, WEDNESDAY, FRIDAY = MONDAY + days(1), MONDAY + days(2), MONDAY + days(4)


async def grants(house: House, account_id: UUID, *features: str) -> UUID:
    made = await house.grants.grant(account_id, until=FRIDAY, features=features, reason="the outage", asked=BY_ADMIN)
    return made.id


async def blocks(house: House, account_id: UUID) -> UUID:
    return (await house.grants.block(account_id, until=None, reason="chargebacks", asked=BY_ADMIN)).id


async def access_of(house: House, account_id: UUID) -> Access:
    return decide(await house.access.standing(account_id), ANY_PLAN, house.business_time.now())


async def test_a_grant_is_on_the_ledger_with_who_and_why_and_is_withdrawn(house: House) -> None:
    anna = await house.registers()
    head = await house.ledger.head()

    made = await house.grants.grant(anna, until=FRIDAY, features=["hd", "hd"], reason="the outage", asked=BY_ADMIN)
    position = await house.grants.withdraw(anna, made.id, asked=BY_ADMIN)

    granted, withdrawn = await house.facts(after=head)
    assert isinstance(granted, AccessGranted)
    assert isinstance(withdrawn, GrantWithdrawn)
    assert (granted.position, withdrawn.position) == (made.position, position)
    assert (granted.until, granted.features, granted.reason) == (FRIDAY, ("hd",), "the outage")
    assert (granted.actor, granted.cause) == (BY_ADMIN.actor, BY_ADMIN.cause)
    assert (withdrawn.grant_id, withdrawn.before_until, withdrawn.actor) == (made.id, FRIDAY, BY_ADMIN.actor)
    assert (await access_of(house, anna)).reason == "ended"


async def test_a_block_is_on_the_ledger_with_who_and_why_and_is_lifted(house: House) -> None:
    anna = await house.registers()
    head = await house.ledger.head()

    made = await house.grants.block(anna, until=FRIDAY, reason="chargebacks", asked=BY_ADMIN)
    await house.grants.unblock(anna, made.id, asked=BY_ADMIN)

    blocked, lifted = await house.facts(after=head)
    assert isinstance(blocked, BlockPlaced)
    assert isinstance(lifted, BlockLifted)
    assert (blocked.until, blocked.reason, blocked.actor) == (FRIDAY, "chargebacks", BY_ADMIN.actor)
    assert (lifted.block_id, lifted.before_until) == (made.id, FRIDAY)


async def test_of_two_who_withdraw_it_at_once_one_has_done_so(house: House) -> None:
    anna = await house.registers()
    grant, block = await grants(house, anna), await blocks(house, anna)
    head = await house.ledger.head()

    withdrawing = [house.grants.withdraw(anna, grant, asked=BY_ADMIN) for _ in range(2)]
    lifting = [house.grants.unblock(anna, block, asked=BY_ADMIN) for _ in range(2)]
    for both in (withdrawing, lifting):
        answers = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(isinstance(answer, NotFound) for answer in answers) == [False, True]

    assert await house.tags(after=head) == ["account.grant_withdrawn", "account.unblocked"]


async def test_what_is_over_or_never_was_cannot_be_ended(house: House) -> None:
    anna, boris = await house.registers(), await house.registers("boris@example.com")
    grant, block = await grants(house, anna), await blocks(house, anna)

    for ending in (
        house.grants.withdraw(boris, grant, asked=BY_ADMIN),
        house.grants.unblock(boris, block, asked=BY_ADMIN),
        house.grants.withdraw(anna, block, asked=BY_ADMIN),
        house.grants.unblock(anna, grant, asked=BY_ADMIN),
    ):
        with pytest.raises(NotFound):
            await ending
    await house.moves_to(FRIDAY)
    with pytest.raises(NotFound):
        await house.grants.withdraw(anna, grant, asked=BY_ADMIN)


async def test_nobody_who_is_not_there_is_granted_or_blocked(house: House) -> None:
    with pytest.raises(NotFound):
        await grants(house, BORIS)
    with pytest.raises(NotFound):
        await blocks(house, BORIS)


async def test_an_end_that_cannot_be_is_refused_and_nothing_is_recorded(house: House) -> None:
    anna = await house.registers()
    head = await house.ledger.head()

    with pytest.raises(EndInThePast):
        await house.grants.grant(anna, until=MONDAY, features=(), reason="late", asked=BY_ADMIN)
    with pytest.raises(EndTooFarAhead):
        await house.grants.block(anna, until=MONDAY + days(3660), reason="for ever", asked=BY_ADMIN)

    assert await house.ledger.head() == head


# Beside what is paid for.


async def test_billing_hears_nothing_of_it(house: House) -> None:
    anna = await house.registers()
    customer = await house.subscribes(anna, await house.sells())
    before = await house.billing.truth_of(customer.customer_id)

    await house.grants.withdraw(anna, await grants(house, anna), asked=BY_ADMIN)
    await blocks(house, anna)

    assert await house.billing.truth_of(customer.customer_id) == before


async def test_who_has_a_grant_may_buy_all_the_same(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    await grants(house, anna)

    assert (await house.opens_checkout(anna, plan)).url


async def test_who_is_blocked_may_not(house: House) -> None:
    anna, plan = await house.registers(), await house.sells()
    await blocks(house, anna)

    with pytest.raises(AccountBlocked):
        await house.opens_checkout(anna, plan)


# Playing.


async def test_a_grant_plays_what_any_plan_plays_and_its_features(house: House) -> None:
    anna, film = await house.registers(), await house.shows(NewVideo(title="Bread"))
    in_hd = await house.shows(NewVideo(title="Bread", requires="hd"))
    await grants(house, anna)

    await house.playback.start(anna, film, device_id=None)
    with pytest.raises(PlanUpgradeRequired):
        await house.playback.start(anna, in_hd, device_id=None)

    await grants(house, anna, "hd")
    started = await house.playback.start(anna, in_hd, device_id=None)
    assert started.grant.expires_at <= FRIDAY
    assert house.studio.heights == [None, None]


async def test_its_token_does_not_outlive_it(house: House) -> None:
    anna, film = await house.registers(), await house.shows(NewVideo(title="Bread"))
    await grants(house, anna)
    await house.moves_to(FRIDAY - days(0.1))

    assert (await house.playback.start(anna, film, device_id=None)).grant.expires_at == FRIDAY


async def test_a_block_stops_what_is_being_played(house: House) -> None:
    anna, film = await house.registers(), await house.shows(NewVideo(title="Bread"))
    await house.subscribes(anna, await house.sells())
    started = await house.playback.start(anna, film, device_id=None)
    await house.playback.heartbeat(anna, started.session_id, position_seconds=1.0)

    block = await blocks(house, anna)

    with pytest.raises(AccountBlocked) as refused:
        await house.playback.start(anna, film, device_id=None)
    assert refused.value.more["access"].deciding[0].type == "account.blocked"
    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, started.session_id, position_seconds=2.0)
    with pytest.raises(MediaRefused):
        await house.playback.media(started.grant.token, film, "master.m3u8")
    await house.grants.unblock(anna, block, asked=BY_ADMIN)
    await house.playback.start(anna, film, device_id=None)


async def test_a_grant_that_is_withdrawn_stops_what_is_being_played(house: House) -> None:
    anna, film = await house.registers(), await house.shows(NewVideo(title="Bread"))
    grant = await grants(house, anna)
    started = await house.playback.start(anna, film, device_id=None)

    await house.grants.withdraw(anna, grant, asked=BY_ADMIN)

    with pytest.raises(SessionEnded):
        await house.playback.heartbeat(anna, started.session_id, position_seconds=1.0)


# Looking back.


async def test_an_auditor_sees_it_as_it_was_at_each_moment(house: House) -> None:
    anna = await house.registers()
    await house.moves_to(TUESDAY)
    await grants(house, anna)
    await house.moves_to(WEDNESDAY)
    await house.grants.block(anna, until=WEDNESDAY + days(1), reason="chargebacks", asked=BY_ADMIN)
    await house.moves_to(FRIDAY + days(1))

    for hindsight in (False, True):
        answers = [
            await house.audit.access_at(anna, at=MONDAY + days(count), hindsight=hindsight) for count in (0, 1, 2, 3, 4)
        ]
        assert [answer.reason for answer in answers] == ["no_subscription", "grant", "blocked", "grant", "ended"]


async def test_her_own_request_changes_nothing_of_it(house: House) -> None:
    """A subscription that is cancelled leaves the grant as it was."""
    anna = await house.registers()
    await house.subscribes(anna, await house.sells())
    await grants(house, anna)

    await house.subscriptions.cancel(anna, at_period_end=False, subscription_id=None, asked=asked_by(anna))

    assert (await access_of(house, anna)).reason == "grant"
