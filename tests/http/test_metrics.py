"""What a scrape is answered, and that it is answered whatever has become of the database."""

import asyncio
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.http.running import Person, Service, running_service
from tests.postgres import Databases

pytestmark = pytest.mark.anyio

LABELS = {"http_route", "http_response_status_code"}


async def scraped(service: Service) -> dict[str, float]:
    """Each sample by its name, with the value of its label, if it has one, behind it."""
    answer = await service.public.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families)
    assert all(family.documentation for family in families)
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value for each in families for sample in each.samples
    }


async def test_a_scrape_shows_the_ledger_its_read_models_and_its_writer(service: Service, admin: Person) -> None:
    before = await scraped(service)
    created = await admin.http.post("/v1/admin/videos", json={"title": "Onions", "access": "free"})
    position = int(created.headers["ledger-position"])
    await admin.http.get("/v1/plans", headers={"Ledger-Position": str(position)})

    after = await scraped(service)

    assert after["streamly_database_up"] == 1
    assert after["streamly_ledger_head_position"] == position
    for name in ("access", "accounts", "catalogue", "graces", "payments", "plans", "subscriptions"):
        assert after[f"streamly_read_model_position {name}"] == position
        assert after[f"streamly_read_model_lag_facts {name}"] == 0
        assert after[f"streamly_read_model_degraded {name}"] == 0
        assert after[f"streamly_read_model_generation {name}"] == 1
    assert (after["streamly_queue_items webhooks"], after["streamly_queue_items transcoding"]) == (0, 0)
    assert after["streamly_ledger_appends_in_progress"] == 0
    for histogram in ("streamly_ledger_batch_appends", "streamly_ledger_commit_seconds"):
        assert after[f"{histogram}_count"] == before[f"{histogram}_count"] + 1
    assert after["streamly_ledger_batch_appends_sum"] == before["streamly_ledger_batch_appends_sum"] + 1
    assert after["streamly_ledger_commit_seconds_sum"] > before["streamly_ledger_commit_seconds_sum"]
    assert after["process_resident_memory_bytes"] > 1_000_000


async def test_each_request_is_counted_by_the_template_of_its_route_whoever_answered_it(
    service: Service, admin: Person
) -> None:
    before = await scraped(service)
    for path in ("/v1/videos/CANARY", f"/v1/videos/{admin.account_id}", "/v1/CANARY", "/CANARY/../CANARY"):
        assert (await admin.http.get(path)).status_code == 404
    assert (await service.public.post("/v1/webhooks/stripe", content=b"{}")).status_code == 400
    assert (await service.public.request("CANARY", "/health/live")).status_code == 400

    after = await scraped(service)

    timed = "http_server_request_duration_seconds_count"
    grown = {name: count - before.get(name, 0) for name, count in after.items() if name.startswith(timed)}
    assert {name: count for name, count in grown.items() if count} == {
        f"{timed} GET 404 /v1/videos/{{video_id}}": 1,
        f"{timed} GET 404 ": 3,
        f"{timed} GET 200 /metrics": 1,
        f"{timed} POST 400 /v1/webhooks/stripe": 1,
    }
    assert (after["http_server_active_requests GET"], after["http_server_active_requests POST"]) == (1, 0)
    assert "CANARY" not in "".join(after)


async def test_without_its_database_a_scrape_says_so(database: str, databases: Databases, tmp_path: Path) -> None:
    async with running_service(database, tmp_path) as service:
        assert (await scraped(service))["streamly_database_up"] == 1
        await asyncio.to_thread(databases.drop, database)

        async with asyncio.timeout(10):
            while (found := await scraped(service))["streamly_database_up"]:
                await asyncio.sleep(0.2)

    assert not [name for name in found if name.startswith(("streamly_read_model", "streamly_ledger_head"))]
    assert "streamly_ledger_commit_seconds_count" in found


GROUPS = ("streamly_read_model", "streamly_policy", "streamly_sweep")
"""Of these docs/operations.md names the first whole, and the others by what comes behind that."""


async def test_the_operators_page_names_what_there_is_and_its_alerts_ask_for_nothing_else(service: Service) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    families = text_string_to_metric_families((await service.public.get("/metrics")).text)
    there = {each.name for each in families}
    own = [name for name in there if name.startswith(("streamly_", "http_")) and not name.endswith("_created")]
    behind = {name: name.removeprefix(group) for name in own for group in GROUPS if name.startswith(group)}

    assert [name for name in own if f"`{name}" not in page and f"`{behind.get(name, name)}`" not in page] == []
    alerts = page.partition("## Alerts")[2].partition("## Readiness")[0]
    asked = set(re.findall(r"\b(?:streamly|http)_\w+(?=[ \[{])", alerts)) - LABELS
    assert {re.sub(r"_(count|sum|bucket|total)$", "", name) for name in asked} - there == set()
    assert len(asked) > 10
