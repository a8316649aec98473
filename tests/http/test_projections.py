"""The read models, as admins see them, and the rebuilds that they ask for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest

from application.projections.every import PROJECTIONS
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

NAMES = ["access", "accounts", "catalogue", "graces", "payments", "plans", "subscriptions"]


async def projection(admin: Person, name: str) -> Any:
    answer = await admin.http.get("/v1/admin/projections")
    assert answer.status_code == 200, answer.text
    return next(each for each in answer.json()["items"] if each["name"] == name)


@asynccontextmanager
async def working(service: Service) -> AsyncIterator[None]:
    """A worker that does requested rebuilds."""
    task = asyncio.create_task(service.house.rebuilds.run())
    yield
    while not task.done():  # On Python 3.11 a cancellation may be missed.
        task.cancel()
        await asyncio.wait([task], timeout=1)


async def rebuilt(admin: Person, name: str, *, beyond: int) -> Any:
    async with asyncio.timeout(20):
        while (shown := await projection(admin, name))["generation"] <= beyond or shown["rebuilding"]:
            await asyncio.sleep(0.05)
    return shown


def change(service: Service, statement: str, *values: object) -> None:
    with psycopg.connect(service.house.settings.database_url, autocommit=True) as connection:
        connection.execute(statement.encode(), values)


async def test_every_read_model_is_listed_with_how_it_stands(service: Service, admin: Person) -> None:
    created = await admin.http.post("/v1/admin/videos", json={"title": "Onions", "access": "free"})
    position = int(created.headers["ledger-position"])

    answer = await admin.http.get("/v1/admin/projections", headers={"Ledger-Position": str(position)})

    assert [each["name"] for each in answer.json()["items"]] == NAMES
    for each in answer.json()["items"]:
        assert (each["position"], each["lag"]) == (position, 0)
        assert (each["state"], each["trouble"], each["rebuilding"]) == ("live", None, None)
        assert (each["version"], each["rebuild_requested"]) == (PROJECTIONS[each["name"]].version, False)
        assert each["rebuild_error"] is None


async def test_the_list_comes_in_pages_too(admin: Person) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        asked = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await admin.http.get("/v1/admin/projections", params=asked)).json()
        seen += [each["name"] for each in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break

    assert seen == NAMES


async def test_a_rebuild_is_asked_for_twice_and_done_once(service: Service, admin: Person) -> None:
    before = await projection(admin, "catalogue")

    for _ in range(2):
        asked = await admin.http.post("/v1/admin/projections/catalogue/rebuild")
        assert asked.status_code == 202
        assert asked.json() == before | {"rebuild_requested": True}
    async with working(service):
        after = await rebuilt(admin, "catalogue", beyond=before["generation"])
        await asyncio.sleep(1)

    assert (after["rebuild_requested"], after["kept"]) == (False, [before["generation"]])
    assert (await projection(admin, "catalogue"))["generation"] == before["generation"] + 1


async def test_a_worker_at_work_hears_of_a_request_at_once(service: Service, admin: Person) -> None:
    before = await projection(admin, "access")
    async with working(service):
        await asyncio.sleep(1)  # It has looked, and waits for its poll, 3 s away.
        await admin.http.post("/v1/admin/projections/access/rebuild")

        async with asyncio.timeout(2):
            await rebuilt(admin, "access", beyond=before["generation"])


async def test_a_rebuild_repairs_a_degraded_one_which_health_has_named(service: Service, admin: Person) -> None:
    change(service, "UPDATE ledger.read_models SET trouble = 'fact 7' WHERE name = 'plans' AND state = 'live'")
    shown = await projection(admin, "plans")
    assert (shown["state"], shown["trouble"]) == ("degraded", "fact 7")
    ready = await service.public.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["checks"]["projections"]["plans"]["state"] == "degraded"
    assert "fact 7" not in ready.text

    await admin.http.post("/v1/admin/projections/plans/rebuild")
    async with working(service):
        repaired = await rebuilt(admin, "plans", beyond=shown["generation"])

    assert (repaired["state"], repaired["trouble"]) == ("live", None)
    assert (await service.public.get("/health/ready")).json()["status"] == "ok"


@contextmanager
def unreadable(service: Service, position: int) -> Iterator[None]:
    """A fact that is no fact for as long as this lasts."""
    change(service, "ALTER TABLE ledger.events DISABLE TRIGGER events_append_only")
    change(service, "CREATE TABLE damaged AS SELECT * FROM ledger.events WHERE notification_id = %s", position)
    change(service, "UPDATE ledger.events SET state = '{}' WHERE notification_id = %s", position)
    yield
    change(
        service,
        "UPDATE ledger.events SET state = damaged.state FROM damaged"
        " WHERE events.notification_id = damaged.notification_id",
    )


async def test_why_a_rebuild_that_was_asked_for_failed_is_shown_until_the_next(service: Service, admin: Person) -> None:
    created = await admin.http.post("/v1/admin/videos", json={"title": "Leeks", "access": "free"})
    position = int(created.headers["ledger-position"])
    await admin.http.get("/v1/admin/projections", headers={"Ledger-Position": str(position)})
    async with working(service):
        with unreadable(service, position):
            before = (await admin.http.post("/v1/admin/projections/catalogue/rebuild")).json()
            async with asyncio.timeout(20):
                while (failed := await projection(admin, "catalogue"))["rebuild_requested"]:
                    await asyncio.sleep(0.05)
        assert failed["generation"] == before["generation"]
        assert failed["rebuild_error"].startswith("catalogue cannot take ")
        asked = (await admin.http.post("/v1/admin/projections/catalogue/rebuild")).json()
        assert (asked["rebuild_requested"], asked["rebuild_error"]) == (True, None)
        mended = await rebuilt(admin, "catalogue", beyond=failed["generation"])

    assert (mended["rebuild_requested"], mended["rebuild_error"]) == (False, None)


async def test_what_there_is_none_of_cannot_be_rebuilt(admin: Person) -> None:
    for name in ("nothing", "Access", "access_1", "a'b"):
        problem_in(await admin.http.post(f"/v1/admin/projections/{name}/rebuild"), 404, "not_found")


async def test_only_admins_see_them_and_ask(service: Service, anna: Person, auditor: Person) -> None:
    for method, path in (("GET", ""), ("POST", "/access/rebuild")):
        address = f"/v1/admin/projections{path}"
        problem_in(await service.public.request(method, address), 401, "not_signed_in")
        problem_in(await anna.http.request(method, address), 403, "not_allowed")
        problem_in(await auditor.http.request(method, address), 403, "not_allowed")
