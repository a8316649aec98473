"""The ledger as auditors read it."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio


async def of_account(reader: Person, account_id: UUID, **asked: str) -> list[Any]:
    answer = await reader.http.get("/v1/audit/events", params={"account": str(account_id), "limit": "100"} | asked)
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


async def test_a_fact_tells_what_who_when_and_why(service: Service, admin: Person, auditor: Person) -> None:
    created = await admin.http.post(
        "/v1/admin/videos", json={"title": "Onions", "access": "free"}, headers={"X-Request-ID": "make-onions"}
    )
    video_id = created.json()["video"]["id"]

    answer = await auditor.http.get("/v1/audit/events", params={"stream": video_id})

    (fact,) = answer.json()["items"]
    assert fact == {
        "position": int(created.headers["ledger-position"]),
        "stream": video_id,
        "version": 1,
        "type": "video.created",
        "recorded_at": fact["recorded_at"],
        "actor": {"kind": "admin", "id": str(admin.account_id)},
        "cause": {"kind": "request", "id": "make-onions"},
        "data": fact["data"],
        "stored": None,
        "unreadable": None,
    }
    assert (fact["data"]["title"], fact["data"]["video_id"]) == ("Onions", video_id)


async def test_personal_fields_are_for_admins_alone(admin: Person, auditor: Person, anna: Person) -> None:
    (masked,) = await of_account(auditor, anna.account_id)
    (shown,) = await of_account(admin, anna.account_id)

    assert (masked["data"]["email"], masked["data"]["name"]) == ("•••", "•••")
    assert (shown["data"]["email"], shown["data"]["name"]) == (anna.email, "Anna")
    assert masked["data"]["role"] == shown["data"]["role"] == "viewer"


async def test_the_stored_bytes_come_when_they_are_asked_for_and_hide_the_person(admin: Person, anna: Person) -> None:
    (fact,) = await of_account(admin, anna.account_id, stored="true")

    assert fact["stored"]
    assert anna.email not in fact["stored"]


async def test_the_ledger_is_read_in_order_page_by_page(auditor: Person, anna: Person, boris: Person) -> None:
    seen: list[int] = []
    cursor: str | None = None
    while True:
        asked = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await auditor.http.get("/v1/audit/events", params=asked)).json()
        seen += [fact["position"] for fact in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == list(range(1, len(seen) + 1))
    beyond = await auditor.http.get("/v1/audit/events", params={"after": str(seen[-2])})
    assert next(fact["position"] for fact in beyond.json()["items"]) == seen[-1]


async def test_facts_are_found_by_kind_and_by_time(auditor: Person, anna: Person) -> None:
    (fact,) = await of_account(auditor, anna.account_id, type="account.registered")

    assert await of_account(auditor, anna.account_id, type="video.created") == []
    assert await of_account(auditor, anna.account_id, **{"from": fact["recorded_at"]}) == [fact]
    assert await of_account(auditor, anna.account_id, to=fact["recorded_at"]) == []
    assert await of_account(auditor, uuid4()) == []


async def test_the_whole_ledger_comes_as_lines(auditor: Person, anna: Person) -> None:
    answer = await auditor.http.get("/v1/audit/events", headers={"Accept": "application/x-ndjson"})

    assert answer.headers["content-type"] == "application/x-ndjson"
    facts = [json.loads(line) for line in answer.text.splitlines()]
    assert [fact["position"] for fact in facts] == list(range(1, len(facts) + 1))
    assert anna.email not in answer.text


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "yesterday"},
        {"from": "2026-11-20T12:00:00"},
        {"from": "null"},
        {"to": "1700000000"},
        {"stream": "x"},
        {"stream": "null"},
        {"after": "-1"},
        {"after": str(2**63)},
        {"type": "a\0b"},
        {"limit": "0"},
        {"cursor": "x"},
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(auditor: Person, asked: dict[str, str]) -> None:
    answer = await auditor.http.get("/v1/audit/events", params=asked)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [*asked]


async def test_a_persons_story_is_told_in_words(service: Service, admin: Person, auditor: Person, anna: Person) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin))
    path = f"/v1/audit/accounts/{anna.account_id}/timeline"

    story = (await auditor.http.get(path, params={"limit": "100"})).json()

    assert story["next_cursor"] is None
    assert [told["type"] for told in story["items"]][:2] == ["account.registered", "checkout.requested"]
    assert "subscription.started" in [told["type"] for told in story["items"]]
    assert set(story["items"][0]) == {"position", "type", "at", "summary", "actor", "cause"}
    assert anna.email not in json.dumps(story)
    first = (await auditor.http.get(path, params={"limit": "1"})).json()
    rest = (await auditor.http.get(path, params={"limit": "100", "cursor": first["next_cursor"]})).json()
    assert first["items"] + rest["items"] == story["items"]


async def test_access_is_explained_for_any_moment(
    service: Service, admin: Person, auditor: Person, anna: Person
) -> None:
    before = service.house.business_time.now().isoformat()
    await service.subscribe(anna, await service.plan_on_sale(admin))
    path = f"/v1/audit/accounts/{anna.account_id}/access"

    now = (await auditor.http.get(path)).json()
    then = (await auditor.http.get(path, params={"at": before})).json()

    assert (now["granted"], now["reason"]) == (True, "subscription")
    assert now["deciding"]
    assert (then["granted"], then["reason"]) == (False, "no_subscription")
    video = await service.waiting_video(admin, requires="uhd")
    asked = {"video_id": video["video"]["id"]}
    assert (await auditor.http.get(path, params=asked)).json()["reason"] == "feature_missing"
    problem_in(await auditor.http.get(path, params={"video_id": str(uuid4())}), 404, "not_found")
    for beyond in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"):
        problem_in(await auditor.http.get(path, params={"at": beyond}), 422, "moment_out_of_range")


async def test_nobody_has_no_story(auditor: Person) -> None:
    problem_in(await auditor.http.get(f"/v1/audit/accounts/{uuid4()}/timeline"), 404, "not_found")
    problem_in(await auditor.http.get(f"/v1/audit/accounts/{uuid4()}/access"), 404, "not_found")


@pytest.mark.parametrize("path", ["/events", "/accounts/{id}/timeline", "/accounts/{id}/access"])
async def test_the_ledger_is_for_auditors_and_admins(service: Service, anna: Person, path: str) -> None:
    address = "/v1/audit" + path.format(id=anna.account_id)

    problem_in(await service.public.get(address), 401, "not_signed_in")
    problem_in(await anna.http.get(address), 403, "not_allowed")
