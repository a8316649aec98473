"""Grants and blocks over HTTP: what admins give and take by hand, and what comes of it for who watches."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio


def in_days(count: float) -> str:
    return (datetime.now(UTC) + timedelta(days=count)).isoformat()


@pytest.fixture(scope="module")
async def lesson(service: Service, admin: Person, film: bytes) -> Any:
    return await service.published_video(admin, film, title="Onions", access="subscribers")


async def grant(admin: Person, account_id: object, **given: Any) -> httpx.Response:
    body = {"until": in_days(7), "reason": "the outage"} | given
    return await admin.http.post(f"/v1/admin/accounts/{account_id}/grants", json=body)


async def block(admin: Person, account_id: object, **given: Any) -> httpx.Response:
    return await admin.http.post(f"/v1/admin/accounts/{account_id}/blocks", json={"reason": "chargebacks"} | given)


async def play(person: Person, video: Any) -> httpx.Response:
    return await person.http.post(f"/v1/videos/{video['id']}/playback", json={})


async def access_of(person: Person) -> Any:
    return (await person.http.get("/v1/me/subscription")).json()["access"]


async def test_a_grant_lets_somebody_watch_until_it_is_withdrawn(admin: Person, anna: Person, lesson: Any) -> None:
    problem_in(await play(anna, lesson), 402, "subscription_required")

    granted = await grant(admin, anna.account_id, until="2036-01-01T00:00:00+02:00")

    assert granted.status_code == 201
    assert granted.json() | {"id": ""} == {
        "id": "",
        "account_id": str(anna.account_id),
        "until": "2035-12-31T22:00:00Z",
        "features": [],
        "reason": "the outage",
    }
    assert (await play(anna, lesson)).status_code == 200
    access = await access_of(anna)
    assert (access["reason"], access["until"], access["features"]) == ("grant", "2035-12-31T22:00:00Z", [])
    assert str(access["deciding"][0]["position"]) == granted.headers["ledger-position"]

    path = f"/v1/admin/accounts/{anna.account_id}/grants/{granted.json()['id']}"
    withdrawn = await admin.http.delete(path)
    assert (withdrawn.status_code, withdrawn.content) == (204, b"")
    assert int(withdrawn.headers["ledger-position"]) > int(granted.headers["ledger-position"])
    problem_in(await admin.http.delete(path), 404, "not_found")
    assert problem_in(await play(anna, lesson), 402, "subscription_required")["access"]["reason"] == "ended"


@pytest.mark.parametrize(("features", "opens"), [(None, False), ([], False), (["sd"], False), (["hd", "sd"], True)])
async def test_what_asks_for_a_feature_is_opened_by_a_grant_that_names_it(
    service: Service, admin: Person, anna: Person, film: bytes, features: list[str] | None, *, opens: bool
) -> None:
    in_hd = await service.published_video(admin, film, requires="hd")
    granted = await grant(admin, anna.account_id, features=features)

    assert granted.json()["features"] == (features or [])
    if opens:
        assert (await play(anna, in_hd)).status_code == 200
    else:
        problem_in(await play(anna, in_hd), 402, "plan_upgrade_required")


async def test_a_block_outweighs_what_is_paid_and_stops_what_is_playing(
    service: Service, admin: Person, anna: Person, lesson: Any
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    started = (await play(anna, lesson)).json()
    assert (await service.public.get(started["url"])).status_code == 200

    first, second = (await block(admin, anna.account_id)).json(), (await block(admin, anna.account_id)).json()

    assert first["until"] is None
    refused = problem_in(await play(anna, lesson), 403, "account_blocked")["access"]
    assert (refused["reason"], len(refused["deciding"])) == ("blocked", 2)
    problem_in(await service.public.get(started["url"]), 403, "media_refused")
    beat = f"/v1/playback/{started['session_id']}/heartbeat"
    problem_in(await anna.http.post(beat, json={"position_seconds": 1}), 403, "session_ended")
    assert (await anna.http.get("/v1/me")).status_code == 200

    blocks = f"/v1/admin/accounts/{anna.account_id}/blocks"
    assert (await admin.http.delete(f"{blocks}/{first['id']}")).status_code == 204
    problem_in(await play(anna, lesson), 403, "account_blocked")
    assert (await admin.http.delete(f"{blocks}/{second['id']}")).status_code == 204
    assert (await play(anna, lesson)).status_code == 200
    assert (await access_of(anna))["reason"] == "subscription"


async def test_a_block_with_an_end_says_when_it_ends(admin: Person, anna: Person) -> None:
    placed = await block(admin, anna.account_id, until="2036-01-01T00:00:00Z")

    assert (placed.status_code, placed.json()["until"]) == (201, "2036-01-01T00:00:00Z")
    assert "2036-01-01 00:00 UTC" in (await access_of(anna))["otherwise"]


async def test_several_grants_at_once_are_all_given(admin: Person, anna: Person) -> None:
    granted = await asyncio.gather(*(grant(admin, anna.account_id, features=["hd", "sd", "hd"]) for _ in range(12)))

    assert [answer.status_code for answer in granted] == [201] * 12
    assert granted[0].json()["features"] == ["hd", "sd"]


async def test_of_two_who_withdraw_at_once_one_has_done_so(admin: Person, anna: Person) -> None:
    granted = (await grant(admin, anna.account_id)).json()
    path = f"/v1/admin/accounts/{anna.account_id}/grants/{granted['id']}"

    answers = await asyncio.gather(*[admin.http.delete(path) for _ in range(2)])

    assert sorted(answer.status_code for answer in answers) == [204, 404]
    events = await admin.http.get("/v1/audit/events", params={"account": str(anna.account_id), "limit": 100})
    told = [(each["type"], each["actor"], each["data"].get("reason")) for each in events.json()["items"]][-2:]
    by_admin = {"kind": "admin", "id": str(admin.account_id)}
    assert told == [("account.access_granted", by_admin, "the outage"), ("account.grant_withdrawn", by_admin, None)]


@pytest.mark.parametrize(
    ("until", "code"),
    [
        (in_days(-1), "end_in_the_past"),
        (in_days(3660), "end_too_far_ahead"),
        ("9999-12-31T23:59:59Z", "moment_out_of_range"),
    ],
    ids=["past", "far ahead", "beyond all"],
)
async def test_an_end_lies_ahead_and_within_ten_years(admin: Person, anna: Person, until: str, code: str) -> None:
    problem_in(await grant(admin, anna.account_id, until=until), 422, code)
    problem_in(await block(admin, anna.account_id, until=until), 422, code)


@pytest.mark.parametrize(
    "body",
    [
        {"until": None},
        {"until": "2036-01-01T00:00:00"},
        {"reason": ""},
        {"reason": None},
        {"features": ["HD!"]},
        {"features": "hd"},
        {"plan_id": str(uuid4())},
    ],
)
async def test_what_is_not_as_documented_is_refused(admin: Person, anna: Person, body: dict[str, Any]) -> None:
    problem_in(await grant(admin, anna.account_id, **body), 400, "malformed_body")


async def test_only_admins_change_anything(service: Service, admin: Person, anna: Person, auditor: Person) -> None:
    support = await service.sign_up("support")
    granted, blocked = (await grant(admin, anna.account_id)).json(), (await block(admin, anna.account_id)).json()
    account = f"/v1/admin/accounts/{anna.account_id}"

    for person in (anna, auditor, support):
        problem_in(await grant(person, anna.account_id), 403, "not_allowed")
        problem_in(await block(person, anna.account_id), 403, "not_allowed")
        problem_in(await person.http.delete(f"{account}/grants/{granted['id']}"), 403, "not_allowed")
        problem_in(await person.http.delete(f"{account}/blocks/{blocked['id']}"), 403, "not_allowed")
    problem_in(await service.public.post(f"{account}/grants", json={}), 401, "not_signed_in")


async def test_who_is_not_there_has_nothing(admin: Person, anna: Person, boris: Person) -> None:
    granted = (await grant(admin, anna.account_id)).json()

    problem_in(await grant(admin, uuid4()), 404, "not_found")
    problem_in(await block(admin, uuid4()), 404, "not_found")
    for kind, id in (("grants", uuid4()), ("blocks", granted["id"])):
        problem_in(await admin.http.delete(f"/v1/admin/accounts/{anna.account_id}/{kind}/{id}"), 404, "not_found")
    path = f"/v1/admin/accounts/{boris.account_id}/grants/{granted['id']}"
    problem_in(await admin.http.delete(path), 404, "not_found")
