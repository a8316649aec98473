"""What auditors are answered where facts of the ledger cannot be read: all the rest, and of these what there is."""

import json
from base64 import b64decode
from typing import Any, NamedTuple

import psycopg
import pytest

from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

EVENTS = "/v1/audit/events"


class Damaged(NamedTuple):
    """The positions of four facts, and whom the last of them is about."""

    lost: int
    whole: int
    of_unknown_type: int
    registered: int
    viewer: Person


@pytest.fixture(scope="module")
async def damaged(service: Service, auditor: Person, admin: Person) -> Damaged:
    """Three videos and a viewer were recorded; of the first and the last fact nothing is left."""
    videos = [await service.waiting_video(admin, title=title) for title in ("Onions", "Leeks", "Garlic")]
    viewer = await service.sign_up()
    streams = [*(video["video"]["id"] for video in videos), str(viewer.account_id)]
    lost, whole, unknown, registered = [await position_of(auditor, stream) for stream in streams]
    with psycopg.connect(service.house.settings.database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER events_append_only")
        damage = "UPDATE ledger.events SET state = '\\x7bff' WHERE notification_id = ANY(%s)"
        connection.execute(damage, ([lost, registered],))
        connection.execute("UPDATE ledger.events SET topic = 'video.eaten' WHERE notification_id = %s", (unknown,))
    return Damaged(lost, whole, unknown, registered, viewer)


async def position_of(reader: Person, stream: str) -> int:
    answer = await reader.http.get(EVENTS, params={"stream": stream})
    return int(answer.json()["items"][0]["position"])


async def test_a_page_shows_them_as_they_lie_among_the_others(auditor: Person, damaged: Damaged) -> None:
    answer = await auditor.http.get(EVENTS, params={"after": str(damaged.lost - 1), "limit": "100"})

    assert answer.status_code == 200
    facts = {fact["position"]: fact for fact in answer.json()["items"]}
    unreadable = {position for position, fact in facts.items() if fact["unreadable"]}
    assert unreadable == {damaged.lost, damaged.of_unknown_type, damaged.registered}
    whole, lost, unknown = facts[damaged.whole], facts[damaged.lost], facts[damaged.of_unknown_type]
    assert (whole["data"]["title"], whole["stored"]) == ("Leeks", None)
    assert (lost["data"], lost["actor"], lost["cause"], lost["type"]) == (None, None, None, "video.created")
    assert b64decode(lost["stored"]) == b"{\xff"
    assert (unknown["data"], unknown["type"], unknown["actor"]["kind"]) == (None, "video.eaten", "admin")
    assert "video.eaten" in unknown["unreadable"]


@pytest.mark.usefixtures("damaged")
async def test_lines_show_the_same_as_pages(auditor: Person) -> None:
    pages: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await auditor.http.get(EVENTS, params={"limit": "1"} | cursor)).json()
        pages += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    answer = await auditor.http.get(EVENTS, headers={"Accept": "application/x-ndjson"})

    assert answer.status_code == 200
    assert [json.loads(line) for line in answer.text.splitlines()] == pages
    assert len([fact for fact in pages if fact["unreadable"]]) == 3


async def test_a_story_is_told_with_a_gap_and_no_answer_about_access_is_made_of_it(
    auditor: Person, damaged: Damaged
) -> None:
    account = damaged.viewer.account_id

    told = await auditor.http.get(f"/v1/audit/accounts/{account}/timeline")
    refused = await auditor.http.get(f"/v1/audit/accounts/{account}/access")

    (fact,) = told.json()["items"]
    assert fact["summary"].startswith("What happened cannot be read: ")
    problem_in(refused, 500, "fact_not_readable")
