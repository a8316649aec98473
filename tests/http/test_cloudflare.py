"""A video that is made and delivered by Cloudflare Stream, from its upload to its end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.adapters.mux.films import film
from tests.http.problem import problem_in
from tests.http.running import Person, Service, running_service

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def service(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """As anywhere, but for `VIDEO_PLATFORM=cloudflare`."""
    folder: Path = tmp_path_factory.mktemp("service")
    async with running_service(module_database, folder, video_platform="cloudflare") as service:
        yield service


async def test_a_file_becomes_a_video_that_cloudflare_plays_until_it_is_deleted(
    service: Service, admin: Person, anna: Person
) -> None:
    created = await service.waiting_video(admin, access="free")
    video_id, upload = created["video"]["id"], created["upload"]
    assert (upload["protocol"], upload["method"]) == ("form", "POST")
    async with httpx.AsyncClient(timeout=20) as client:
        (await client.post(upload["url"], files={"file": film()})).raise_for_status()
        shown: Any = {}
        async with asyncio.timeout(20):
            while shown.get("status") != "ready":
                await service.house.following_videos.settle_waiting()
                position = {"Ledger-Position": str(await service.house.records.ledger.head())}
                shown = (await admin.http.get(f"/v1/videos/{video_id}", headers=position)).json()
        assert (await admin.http.post(f"/v1/admin/videos/{video_id}/publish")).status_code == 200

        played = await anna.http.post(f"/v1/videos/{video_id}/playback", json={})

        assert played.status_code == 200, played.text
        assert played.json()["provider"] == "cloudflare"
        assert shown["thumbnail_url"] is None, "whoever had its address could play the video"
        assert (await client.get(played.json()["url"])).text.startswith("#EXTM3U")
        assert (await admin.http.delete(f"/v1/admin/videos/{video_id}")).status_code == 200
        await service.house.videos.remove_from_platform(UUID(video_id))
        assert (await client.get(played.json()["url"])).status_code == 404


async def test_a_notice_that_is_not_signed_is_not_kept(service: Service) -> None:
    problem_in(await service.public.post("/v1/webhooks/cloudflare", json={"uid": "1"}), 400, "invalid_signature")
