"""`streamly webhooks`: what came, asking again, and sweeping, in a process of its own."""

import asyncio
import json
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.memory.vault import MemoryVault
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.pool import new_pool
from adapters.postgres.sweeps import PostgresSweeps
from application.ports.inbox import Customer
from tests.cli.running import Run, said
from tests.contracts.test_inbox import delivery
from tests.people import ANNA, MONDAY

UNREACHABLE = {"STRIPE_API_BASE": "http://127.0.0.1:1"}


@pytest.fixture(autouse=True)
def kept(database: str) -> None:
    """One delivery whose tries are used up, and one that has been done."""

    async def keep() -> None:
        async with new_pool(database, size=1) as pool:
            inbox = PostgresInbox(pool, MemoryVault())
            await inbox.keep(delivery("evt_failed"), now=MONDAY)
            await inbox.retry_later(Customer("stripe", "cus_anna"), error="no answer", delays_seconds=())
            await inbox.keep(delivery("evt_done", None), now=MONDAY)

    asyncio.run(keep())


def test_deliveries_are_listed_with_what_became_of_them(streamly: Run) -> None:
    assert [each["event_id"] for each in said(streamly("webhooks", "list", "--json"))] == ["evt_done", "evt_failed"]
    (failed,) = said(streamly("webhooks", "list", "--status", "failed", "--json"))
    assert (failed["status"], failed["attempts"], failed["error"]) == ("failed", 1, "no answer")
    assert "evt_failed" in streamly("webhooks", "list").stdout


def test_a_delivery_is_asked_about_again_by_the_id_that_is_listed(streamly: Run) -> None:
    (failed,) = said(streamly("webhooks", "list", "--status", "failed", "--json"))

    (again,) = said(streamly("webhooks", "retry", failed["id"], "--json"))

    assert (again["id"], again["status"], again["attempts"], again["error"]) == (failed["id"], "received", 0, None)
    refused = streamly("webhooks", "retry", str(UUID(int=99)))
    assert (refused.returncode, "Traceback" in refused.stderr) == (3, False)


def test_a_sweep_that_cannot_ask_says_so_and_is_listed(streamly: Run) -> None:
    done = streamly("webhooks", "sweep", "--json", **UNREACHABLE)

    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert [(each["kind"], each["status"]) for each in told] == [
        ("undelivered", "under_way"),
        ("customers", "under_way"),
    ]
    assert {each["error"] for each in told} == {"Stripe cannot be reached."}
    assert [each["id"] for each in said(streamly("webhooks", "sweeps", "--json"))] == [each["id"] for each in told][
        ::-1
    ]


def test_sweeps_are_told_of_to_people_with_their_times_and_whom_they_repaired(database: str, streamly: Run) -> None:
    async def swept() -> None:
        async with new_pool(database, size=1) as pool:
            sweeps = PostgresSweeps(pool)
            await sweeps.request("customers", cause="schedule")
            taken = await sweeps.take(head=7, seconds=60)
            assert taken is not None
            sweep, holder = taken
            repaired = replace(sweep, examined=9, repairs=1, repaired={ANNA: (8, 9)})
            assert await sweeps.note(repaired, holder, seconds=60)
            await sweeps.finish(repaired, holder, status="done")

    asyncio.run(swept())
    (sweep,) = said(streamly("webhooks", "sweeps", "--json"))
    times = {name: f"{sweep[name][:19].replace('T', ' ')} UTC" for name in ("requested_at", "begun_at", "finished_at")}

    what, when, whom = streamly("webhooks", "sweeps").stdout.splitlines()

    assert what == f"{sweep['id']} customers: done, 9 customers, 1 accounts repaired, 0 in trouble"
    assert when == "  asked for {requested_at}, begun {begun_at}, finished {finished_at}, by schedule".format(**times)
    assert whom == f"  {ANNA}: facts 8, 9"
