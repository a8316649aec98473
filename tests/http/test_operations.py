"""Whether it runs, where its time stands, and reading one's own writes."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from application.health import Readiness
from entrypoints.http.health import Recent
from tests.http.problem import problem_in
from tests.http.running import PASSWORD, Person, Service, running_service
from tests.postgres import Databases

pytestmark = pytest.mark.anyio


async def test_it_says_that_it_lives_and_that_it_can_work(service: Service) -> None:
    assert (await service.public.get("/health/live")).json() == {"status": "ok"}

    ready = await service.public.get("/health/ready")

    assert ready.status_code == 200
    assert (ready.json()["status"], ready.json()["checks"]["database"]) == ("ok", "ok")
    assert set(ready.json()["checks"]["projections"]) >= {"catalogue", "plans"}
    assert set(ready.json()["checks"]["queues"]) == {"webhooks", "intents", "transcoding", "letters"}
    assert (ready.json()["checks"]["failed_intents"], ready.json()["checks"]["failed_transcodes"]) == (0, 0)
    assert ready.json()["checks"]["platforms"] == {}


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_who_watches_by_head_is_answered_as_by_get_without_the_body(service: Service, path: str) -> None:
    got, head = await service.public.get(path), await service.public.head(path)
    refused, options = await service.public.post(path), await service.public.options(path)

    assert (head.status_code, head.headers["content-type"], head.content) == (200, got.headers["content-type"], b"")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert options.headers["allow"] == "GET, HEAD, OPTIONS"


ALIKE = ("//metrics", "/metrics/", "/%6detrics", "//health/live", "/health/ready/", "/health//ready")


@pytest.mark.parametrize("address", ALIKE)
async def test_what_a_proxy_may_close_is_at_one_address_alone(service: Service, address: str) -> None:
    as_it_is = {"target": address.encode()}
    answer = await service.public.get("/", extensions=as_it_is)

    assert (answer.status_code, answer.json()["code"], answer.json()["instance"]) == (404, "not_found", address)


async def test_it_is_not_ready_while_something_has_waited_for_too_long(service: Service) -> None:
    old = "INSERT INTO ops.intents (key, stream, due_at) VALUES ('CANARY', gen_random_uuid(), now() - interval '%s')"
    with psycopg.connect(service.house.settings.database_url, autocommit=True) as connection:
        connection.execute(old % "29 minutes")
        patient = await service.public.get("/health/ready")
        connection.execute("UPDATE ops.intents SET due_at = due_at - interval '2 minutes'")
        ready = await service.public.get("/health/ready")
        told = await service.public.get("/metrics")
        by_head = await service.public.head("/health/ready")
        connection.execute("DELETE FROM ops.intents")

    assert (patient.status_code, patient.json()["failing"]) == (200, [])
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert ready.json()["failing"] == ["queue of intents"]
    assert (by_head.status_code, by_head.content) == (503, b"")
    assert 1860 <= ready.json()["checks"]["waits"]["intents"] < 1920
    assert "CANARY" not in ready.text
    assert 'streamly_queue_wait_seconds{queue="intents"} 18' in told.text
    assert (await service.public.get("/health/ready")).status_code == 200


class Asked:
    """Counts how often it is looked how things stand."""

    def __init__(self) -> None:
        self.looks = 0

    async def readiness(self) -> Readiness:
        self.looks += 1
        await asyncio.sleep(0.01)
        return Readiness(database=True, head=self.looks)


async def test_however_many_ask_it_is_looked_once_in_a_while() -> None:
    asked = Asked()
    recent = Recent(asked, seconds=0.3)

    together = await asyncio.gather(*(recent.readiness() for _ in range(50)))
    await asyncio.sleep(0.35)
    later = await recent.readiness()

    assert {each.head for each in together} == {1}
    assert (later.head, asked.looks) == (2, 2)


@pytest.mark.parametrize(
    "path",
    [
        "/checkout/success",
        "/checkout/cancelled",
        "/docs",
        "/docs/assets/start.js",
        "/docs/assets/swagger-ui.css",
        "/metrics",
    ],
)
async def test_what_is_text_says_in_which_letters(service: Service, path: str) -> None:
    answer = await service.public.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/")
    assert answer.headers["content-type"].endswith("charset=utf-8")


async def test_time_moves_and_comes_back(service: Service) -> None:
    real = datetime.fromisoformat((await service.public.post("/v1/sandbox/clock", json={"now": None})).json()["now"])
    later = real + timedelta(days=40)

    moved = await service.public.post("/v1/sandbox/clock", json={"now": later.isoformat()})

    assert moved.status_code == 200
    assert datetime.fromisoformat(moved.json()["now"]) >= later
    assert moved.json()["now"].endswith("Z")
    back = (await service.public.post("/v1/sandbox/clock", json={"now": None})).json()["now"]
    assert datetime.fromisoformat(back) < later


@pytest.mark.parametrize(
    "body", [{}, {"now": "tomorrow"}, {"now": "2027-01-01T00:00:00"}, {"now": 7}, {"now": None, "zone": "UTC"}]
)
async def test_a_time_has_its_zone(service: Service, body: dict[str, object]) -> None:
    problem_in(await service.public.post("/v1/sandbox/clock", json=body), 400, "malformed_body")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"])
async def test_time_stays_within_the_calendar(service: Service, moment: str) -> None:
    problem_in(await service.public.post("/v1/sandbox/clock", json={"now": moment}), 422, "moment_out_of_range")


async def test_a_read_sees_the_write_before_it(service: Service, admin: Person) -> None:
    for number in range(5):
        created = await admin.http.post("/v1/admin/videos", json={"title": f"Lesson {number}", "access": "free"})
        seen = {"Ledger-Position": created.headers["ledger-position"]}
        shown = await admin.http.get(f"/v1/videos/{created.json()['video']['id']}", headers=seen)
        assert shown.status_code == 200


async def test_a_read_cannot_see_what_has_not_happened(service: Service) -> None:
    beyond = {"Ledger-Position": str(10**9)}

    problem_in(await service.public.get("/v1/plans", headers=beyond), 400, "unknown_position")


async def test_without_its_database_it_lives_and_says_so(database: str, databases: Databases, tmp_path: Path) -> None:
    async with running_service(database, tmp_path) as service:
        admin = await service.sign_up("admin")
        await asyncio.to_thread(databases.drop, database)

        live, ready, plans, login, made = await asyncio.gather(
            service.public.get("/health/live"),
            service.public.get("/health/ready"),
            service.public.get("/v1/plans"),
            service.public.post("/v1/auth/login", json={"email": admin.email, "password": PASSWORD}),
            admin.http.post("/v1/admin/videos", json={"title": "Onions", "access": "free"}, timeout=30),
        )

        assert live.status_code == 200
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert ready.json()["failing"] == ["database"]
        for refused in (plans, login, made):
            problem_in(refused, 503, "database_unavailable")
            assert refused.headers["retry-after"] == "1"
