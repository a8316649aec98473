"""A video that is made and delivered by Mux, from its upload to its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from adapters.sandbox.mux.account import TOKEN_ID, TOKEN_SECRET
from tests.adapters.mux.films import NO_FILM, film
from tests.http.problem import problem_in
from tests.http.running import Person, Service, running_service

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def service(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """As anywhere, but for `VIDEO_PLATFORM=mux`."""
    folder: Path = tmp_path_factory.mktemp("service")
    async with running_service(module_database, folder, video_platform="mux") as service:
        yield service


@pytest.fixture(scope="module")
async def mux(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{service.house.settings.sandbox_address}/mux"
    async with httpx.AsyncClient(base_url=base, auth=(TOKEN_ID, TOKEN_SECRET), timeout=20) as client:
        yield client


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def settled(service: Service, admin: Person, video_id: str, status: str) -> Any:
    """The video, once the notices about it have come, and were settled, to this status."""
    shown: Any = {}

    async def stands_so() -> bool:
        nonlocal shown
        await service.house.following_videos.settle_waiting()
        position = {"Ledger-Position": str(await service.house.records.ledger.head())}
        shown = (await admin.http.get(f"/v1/videos/{video_id}", headers=position)).json()
        return bool(shown["status"] == status)

    await until(stands_so)
    return shown


async def sent(service: Service, admin: Person, body: bytes, **given: Any) -> str:
    """A new video whose file has been sent straight to Mux."""
    created = await service.waiting_video(admin, **given)
    upload = created["upload"]
    async with httpx.AsyncClient() as client:
        put = await client.request(upload["method"], upload["url"], headers=upload["headers"], content=body)
    assert put.status_code == 200, put.text
    return str(created["video"]["id"])


async def published(service: Service, admin: Person) -> str:
    video_id = await sent(service, admin, film(), access="free")
    await settled(service, admin, video_id, "ready")
    answer = await admin.http.post(f"/v1/admin/videos/{video_id}/publish")
    assert answer.status_code == 200, answer.text
    return video_id


async def test_a_file_becomes_a_video_that_mux_plays(
    service: Service, admin: Person, anna: Person, mux: httpx.AsyncClient
) -> None:
    video_id = await published(service, admin)

    played = await anna.http.post(f"/v1/videos/{video_id}/playback", json={})

    assert played.status_code == 200, played.text
    answer = played.json()
    assert answer["provider"] == "mux"
    playlist = await mux.get(answer["url"])
    assert (playlist.status_code, playlist.text.startswith("#EXTM3U")) == (200, True)
    assert (await mux.get(answer["url"].replace(answer["token"], "nothing"))).status_code == 403
    position = {"Ledger-Position": str(await service.house.records.ledger.head())}
    shown = (await anna.http.get(f"/v1/videos/{video_id}", headers=position)).json()
    assert (shown["duration_seconds"], shown["renditions"]) == (2, [{"height": 360, "bitrate": 0}])
    picture = await mux.get(shown["thumbnail_url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")


async def test_what_is_no_film_says_why_and_may_be_sent_anew(service: Service, admin: Person) -> None:
    video_id = await sent(service, admin, NO_FILM)
    assert (await settled(service, admin, video_id, "errored"))["error"]

    granted = await admin.http.post(f"/v1/admin/videos/{video_id}/upload", json={})
    assert granted.status_code == 200, granted.text
    async with httpx.AsyncClient() as client:
        assert (await client.put(granted.json()["upload"]["url"], content=film())).status_code == 200

    assert (await settled(service, admin, video_id, "ready"))["error"] is None


async def test_a_deleted_video_is_removed_from_mux(service: Service, admin: Person, mux: httpx.AsyncClient) -> None:
    video_id = await published(service, admin)
    played = (await admin.http.post(f"/v1/videos/{video_id}/playback", json={})).json()
    assert (await mux.get(played["url"])).status_code == 200

    assert (await admin.http.delete(f"/v1/admin/videos/{video_id}")).status_code == 200
    await service.house.videos.remove_from_platform(UUID(video_id))

    assert (await mux.get(played["url"])).status_code == 404


async def test_what_is_deleted_at_mux_can_be_played_no_more(
    service: Service, admin: Person, anna: Person, mux: httpx.AsyncClient
) -> None:
    video_id = await published(service, admin)
    newest = (await mux.get("/video/v1/assets", params={"limit": 1})).json()["data"][0]
    assert newest["passthrough"] == video_id

    assert (await mux.delete(f"/video/v1/assets/{newest['id']}")).status_code == 204

    await settled(service, admin, video_id, "errored")
    problem_in(await anna.http.post(f"/v1/videos/{video_id}/playback", json={}), 409, "video_not_ready")


async def test_without_a_notice_it_is_asked_for(service: Service, admin: Person, mux: httpx.AsyncClient) -> None:
    (await mux.put("/_sandbox/deliveries", json={"mode": {"drop": True}})).raise_for_status()
    video_id = await sent(service, admin, film())
    await until(lambda: _nothing_pending(mux))
    await service.house.following_videos.settle_waiting()
    position = {"Ledger-Position": str(await service.house.records.ledger.head())}
    assert (await admin.http.get(f"/v1/videos/{video_id}", headers=position)).json()["status"] == "waiting"

    assert await service.house.following_videos.ask_about_unheard() >= 1

    (await mux.put("/_sandbox/deliveries", json={"mode": {}})).raise_for_status()
    await settled(service, admin, video_id, "ready")


async def _nothing_pending(mux: httpx.AsyncClient) -> bool:
    return bool((await mux.get("/_sandbox/pending")).json()["pending"] == 0)


async def test_while_mux_does_not_answer_a_new_video_is_refused_and_nothing_recorded(
    service: Service, admin: Person, mux: httpx.AsyncClient
) -> None:
    before = await service.house.records.ledger.head()
    (await mux.put("/_sandbox/faults", json={"faults": [{"kind": "error", "path": "/uploads"}]})).raise_for_status()

    refused = await admin.http.post("/v1/admin/videos", json={"title": "Onions", "access": "free"})

    problem_in(refused, 503, "provider_unavailable")
    assert await service.house.records.ledger.head() == before


async def test_a_notice_that_is_not_signed_is_not_kept(service: Service) -> None:
    problem_in(
        await service.public.post("/v1/webhooks/mux", json={"type": "video.asset.ready"}), 400, "invalid_signature"
    )
