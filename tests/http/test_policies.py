"""A fact that nobody can read stops no policy, and whoever asks how things stand hears of it."""

import asyncio

import psycopg
import pytest

from adapters.eventstore.recorder import LEDGER_LOCK
from tests.http.running import Person, Service
from tests.http.test_metrics import scraped

pytestmark = pytest.mark.anyio

UNREADABLE = """
    INSERT INTO ledger.events
    SELECT gen_random_uuid(), 1, 'video.upload_received',
        '{"type":"video.upload_received","size_bytes":"many"}', coalesce(max(notification_id), 0) + 1, now(), NULL
    FROM ledger.events RETURNING notification_id
"""


def unreadable_upload(service: Service) -> int:
    """Forged under the ledger's lock; its position."""
    with psycopg.connect(service.house.settings.database_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
        row = connection.execute(UNREADABLE).fetchone()
    assert row is not None
    return int(row[0])


async def test_an_upload_after_one_that_cannot_be_read_is_transcoded_and_health_names_the_policy(
    service: Service, admin: Person
) -> None:
    forged = unreadable_upload(service)
    created = await service.waiting_video(admin)
    sent = await service.public.put(created["upload"]["url"], content=b"film")
    assert sent.status_code == 204
    assert (await scraped(service))["streamly_policy_lag_facts transcode_uploads"] == 2

    task = asyncio.create_task(service.house.policies.run())
    async with asyncio.timeout(10):
        while not await service.house.jobs.unfinished():
            await asyncio.sleep(0.05)
        while (after := await scraped(service))["streamly_policy_lag_facts transcode_uploads"]:
            await asyncio.sleep(0.05)
    while not task.done():  # On Python 3.11 a cancellation may be missed.
        task.cancel()
        await asyncio.wait([task], timeout=1)

    assert after["streamly_policy_position transcode_uploads"] > forged
    assert after["streamly_policy_degraded transcode_uploads"] == 1
    assert after["streamly_policy_degraded settle_prices"] == 0
    ready = await service.public.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["checks"]["policies"]["transcode_uploads"] == {"lag": 0, "state": "degraded"}
