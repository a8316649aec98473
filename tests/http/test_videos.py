"""The catalogue, and how a file becomes a video in it."""

import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.video.facts import UploadReceived
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

VIDEO_FIELDS = {
    "id",
    "title",
    "description",
    "category",
    "access",
    "requires",
    "status",
    "progress",
    "error",
    "duration_seconds",
    "renditions",
    "thumbnail_url",
    "published_at",
}


async def test_a_new_video_says_where_its_file_goes(admin: Person) -> None:
    body = {"title": "Onions", "access": "subscribers", "requires": "hd", "filename": "onions.mp4", "size": 1000}
    created = await admin.http.post("/v1/admin/videos", json=body)

    assert created.status_code == 201
    video, upload = created.json()["video"], created.json()["upload"]
    assert set(video) == VIDEO_FIELDS
    assert (video["status"], video["requires"], video["published_at"]) == ("waiting", "hd", None)
    assert set(upload) == {"protocol", "method", "url", "headers", "fields", "part_size", "expires_at"}
    assert (upload["protocol"], upload["method"]) == ("put", "PUT")
    assert int(created.headers["ledger-position"]) > 0


async def test_a_file_becomes_a_video_that_everybody_sees(service: Service, admin: Person, film: bytes) -> None:
    published = await service.published_video(admin, film, title="Garlic", category="kitchen", access="free")

    assert published["status"] == "published"
    assert published["duration_seconds"] == pytest.approx(2, abs=0.2)
    assert [rendition["height"] for rendition in published["renditions"]] == [240]
    position = str(await service.house.accounts.records.ledger.head())
    shown = await service.public.get(f"/v1/videos/{published['id']}", headers={"Ledger-Position": position})
    assert {**shown.json(), "thumbnail_url": ""} == {**published, "thumbnail_url": ""}
    poster = await service.public.get(published["thumbnail_url"])
    assert (poster.status_code, poster.headers["content-type"]) == (200, "image/jpeg")
    for asked, found in [
        ({"category": "kitchen"}, True),
        ({"q": "garl"}, True),
        ({"access": "free"}, True),
        ({"category": "garden"}, False),
        ({"q": "100%"}, False),
        ({"access": "subscribers"}, False),
    ]:
        listed = await service.public.get("/v1/videos", params=asked, headers={"Ledger-Position": position})
        assert (published["id"] in [video["id"] for video in listed.json()["items"]]) is found, asked


async def test_an_unpublished_video_exists_for_admins_alone(service: Service, admin: Person, anna: Person) -> None:
    created = await admin.http.post("/v1/admin/videos", json={"title": "Secret", "access": "free"})
    path = f"/v1/videos/{created.json()['video']['id']}"
    position = {"Ledger-Position": created.headers["ledger-position"]}

    assert (await admin.http.get(path, headers=position)).json()["status"] == "waiting"
    problem_in(await anna.http.get(path, headers=position), 404, "not_found")
    problem_in(await service.public.get(path, headers=position), 404, "not_found")


async def test_only_what_is_ready_is_published(service: Service, admin: Person) -> None:
    waiting = await service.waiting_video(admin)

    problem_in(await admin.http.post(f"/v1/admin/videos/{waiting['video']['id']}/publish"), 409, "video_not_ready")
    problem_in(await admin.http.post(f"/v1/admin/videos/{uuid4()}/publish"), 404, "not_found")
    problem_in(await admin.http.post(f"/v1/admin/videos/{uuid4()}/unpublish"), 404, "not_found")
    problem_in(await admin.http.post(f"/v1/admin/videos/{admin.account_id}/publish"), 404, "not_found")


async def test_what_is_taken_back_is_gone(service: Service, admin: Person, film: bytes) -> None:
    video = await service.published_video(admin, film, access="free")

    unpublished = await admin.http.post(f"/v1/admin/videos/{video['id']}/unpublish")

    assert (unpublished.status_code, unpublished.json()["status"]) == (200, "ready")
    position = {"Ledger-Position": unpublished.headers["ledger-position"]}
    problem_in(await service.public.get(f"/v1/videos/{video['id']}", headers=position), 404, "not_found")
    problem_in(await service.public.post(f"/v1/videos/{video['id']}/playback"), 409, "video_not_ready")


async def test_what_is_no_video_ends_in_error_with_its_reason(service: Service, admin: Person) -> None:
    created = await service.waiting_video(admin)
    video_id = created["video"]["id"]
    assert (await service.public.put(created["upload"]["url"], content=b"not a film")).status_code == 204

    await service.house.videos.transcode(UUID(video_id))

    position = {"Ledger-Position": str(await service.house.accounts.records.ledger.head())}
    video = (await admin.http.get(f"/v1/videos/{video_id}", headers=position)).json()
    assert video["status"] == "errored"
    assert video["error"]


async def test_the_upload_link_is_the_leave_and_good_once(service: Service, admin: Person) -> None:
    one, other = await service.waiting_video(admin), await service.waiting_video(admin)
    url = one["upload"]["url"]
    swapped = url.replace(one["video"]["id"], other["video"]["id"])
    changed = url.replace("/uploads/", "/uploads/x")

    problem_in(await service.public.put(swapped, content=b"film"), 403, "invalid_upload_link")
    problem_in(await service.public.put(changed, content=b"film"), 403, "invalid_upload_link")
    problem_in(await service.public.put(url.replace(one["video"]["id"], str(uuid4())), content=b"f"), 404, "not_found")
    assert (await service.public.put(url, content=b"film")).status_code == 204
    problem_in(await service.public.put(url, content=b"film"), 409, "upload_not_expected")


async def test_a_long_film_is_taken_in_little_memory(service: Service, admin: Person) -> None:
    created = await service.waiting_video(admin)
    size, piece = 256 * 1024 * 1024, b"film" * 16_384
    before, highest = resident_bytes(), 0

    async def film() -> AsyncIterator[bytes]:
        nonlocal highest
        for _ in range(size // len(piece)):
            yield piece
            highest = max(highest, resident_bytes())

    assert (await service.public.put(created["upload"]["url"], content=film())).status_code == 204

    assert highest - before < 50_000_000
    facts = await service.house.records.ledger.read(UUID(created["video"]["id"]))
    assert [fact.size_bytes for fact in facts if isinstance(fact, UploadReceived)] == [size]


def resident_bytes() -> int:
    """What this process, which is server and client, holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(admin: Person) -> None:
    body = {"title": "All of it", "access": "free", "size": 2**40}

    problem_in(await admin.http.post("/v1/admin/videos", json=body), 413, "upload_too_large")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"access": "everybody"}, "access"),
        ({"requires": "HD!"}, "requires"),
        ({"size": 0}, "size"),
        ({"size": 2**63}, "size"),
        ({"status": "published"}, "status"),
    ],
)
async def test_what_makes_no_video_is_named(admin: Person, change: dict[str, Any], field: str) -> None:
    body = {"title": "Onions", "access": "free"} | change
    problem = problem_in(await admin.http.post("/v1/admin/videos", json=body), 400, "malformed_body")

    assert [error["field"] for error in problem["errors"]] == [field]


async def test_only_admins_make_videos(service: Service, anna: Person, auditor: Person) -> None:
    body = {"title": "Onions", "access": "free"}

    problem_in(await service.public.post("/v1/admin/videos", json=body), 401, "not_signed_in")
    problem_in(await anna.http.post("/v1/admin/videos", json=body), 403, "not_allowed")
    problem_in(await auditor.http.post(f"/v1/admin/videos/{uuid4()}/publish"), 403, "not_allowed")
