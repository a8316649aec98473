"""What is said of a video changes, it is deleted, and its file is sent anew."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from entrypoints.worker.worker import do_platform_tasks
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio


async def drafted(admin: Person, **given: Any) -> str:
    created = await admin.http.post("/v1/admin/videos", json={"title": "Leeks", "access": "subscribers", **given})
    assert created.status_code == 201, created.text
    return str(created.json()["video"]["id"])


async def test_what_is_left_out_stays_as_it_is(admin: Person) -> None:
    video_id = await drafted(admin, description="Green", category="kitchen", requires="hd")

    changed = await admin.http.patch(f"/v1/admin/videos/{video_id}", json={"title": "Leek soup", "requires": None})
    again = await admin.http.patch(f"/v1/admin/videos/{video_id}", json={})

    assert changed.status_code == 200
    said = {key: changed.json()[key] for key in ("title", "description", "category", "access", "requires")}
    assert said == {
        "title": "Leek soup",
        "description": "Green",
        "category": "kitchen",
        "access": "subscribers",
        "requires": None,
    }
    assert int(again.headers["ledger-position"]) >= int(changed.headers["ledger-position"])
    assert again.json() == changed.json()


@pytest.mark.parametrize(
    "body", [{"title": ""}, {"access": "nobody"}, {"status": "published"}, {"title": None}, {"requires": ""}, []]
)
async def test_what_cannot_be_said_of_a_video_changes_nothing(admin: Person, body: Any) -> None:
    video_id = await drafted(admin)

    problem_in(await admin.http.patch(f"/v1/admin/videos/{video_id}", json=body), 400, "malformed_body")


async def test_who_may_watch_changes_with_it_at_once(
    service: Service, admin: Person, anna: Person, film: bytes
) -> None:
    video = await service.published_video(admin, film, title="Chives", access="free")
    played = await anna.http.post(f"/v1/videos/{video['id']}/playback", json={})
    assert played.status_code == 200, played.text

    await admin.http.patch(f"/v1/admin/videos/{video['id']}", json={"access": "subscribers"})

    refused = await anna.http.post(f"/v1/videos/{video['id']}/playback", json={})
    problem_in(refused, 402, "subscription_required")
    assert (await service.public.get(played.json()["url"])).status_code == 403


async def test_a_deleted_video_is_gone_from_everywhere(
    service: Service, admin: Person, anna: Person, film: bytes
) -> None:
    video = await service.published_video(admin, film, title="Cress", access="free")
    path, admins = f"/v1/videos/{video['id']}", f"/v1/admin/videos/{video['id']}"
    played = await anna.http.post(f"{path}/playback", json={})
    media = played.json()["url"]
    assert (await service.public.get(media)).status_code == 200

    deleted = await admin.http.delete(admins)

    assert (deleted.status_code, deleted.json()["title"]) == (200, "Cress")
    assert (await service.public.get(media)).status_code == 403
    position = {"Ledger-Position": deleted.headers["ledger-position"]}
    problem_in(await admin.http.get(path, headers=position), 404, "not_found")
    problem_in(await anna.http.post(f"{path}/playback", json={}), 404, "not_found")
    for method, at in (("DELETE", admins), ("PATCH", admins), ("POST", f"{admins}/publish")):
        problem_in(await admin.http.request(method, at, json={}), 404, "not_found")


async def test_what_was_kept_of_a_deleted_video_is_removed(service: Service, admin: Person, film: bytes) -> None:
    video = await service.published_video(admin, film, title="Sorrel", access="free")
    kept = service.house.settings.data_dir / "video" / "hls" / video["id"]
    assert kept.exists()

    await admin.http.delete(f"/v1/admin/videos/{video['id']}")

    acting = asyncio.gather(service.house.policies.run(), do_platform_tasks(service.house))
    async with asyncio.timeout(20):
        while kept.exists():
            await asyncio.sleep(0.02)
    acting.cancel()


async def test_the_file_of_a_video_that_waits_may_be_sent_elsewhere(
    service: Service, admin: Person, film: bytes
) -> None:
    video_id = await drafted(admin)

    granted = await admin.http.post(f"/v1/admin/videos/{video_id}/upload", json={"size": len(film)})

    assert granted.status_code == 200, granted.text
    upload = granted.json()["upload"]
    sent = await service.public.request(upload["method"], upload["url"], content=film, headers=upload["headers"])
    assert sent.status_code == 204, sent.text
    problem_in(await admin.http.post(f"/v1/admin/videos/{video_id}/upload", json={}), 409, "upload_not_expected")


async def test_parts_are_for_platforms_that_take_parts(admin: Person) -> None:
    path = f"/v1/admin/videos/{await drafted(admin)}/upload"

    problem_in(await admin.http.post(f"{path}/parts", json={"numbers": [1]}), 404, "not_found")
    parts = {"parts": [{"number": 1, "etag": "abc"}]}
    problem_in(await admin.http.post(f"{path}/complete", json=parts), 404, "not_found")
    problem_in(await admin.http.post(f"{path}/parts", json={"numbers": []}), 400, "malformed_body")
    problem_in(await admin.http.post(f"{path}/parts", json={"numbers": [0]}), 400, "malformed_body")


async def test_of_a_video_that_there_is_not_nothing_is_changed(admin: Person) -> None:
    path = f"/v1/admin/videos/{uuid4()}"

    problem_in(await admin.http.patch(path, json={"title": "Leeks"}), 404, "not_found")
    problem_in(await admin.http.delete(path), 404, "not_found")
    problem_in(await admin.http.post(f"{path}/upload", json={}), 404, "not_found")


@pytest.mark.parametrize("name", ["mux", "cloudflare"])
async def test_a_platform_that_is_not_set_up_is_heard_by_nobody(service: Service, name: str) -> None:
    problem_in(await service.public.post(f"/v1/webhooks/{name}", json={"type": "video.asset.ready"}), 404, "not_found")
