"""A file that is sent in pieces, as tus 1.0.0 has it, and goes on where it broke off."""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from domain.video.facts import UploadReceived
from tests.adapters.local_video.screening import in_pieces
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

FILM = bytes(range(256)) * 4096
VERSION = {"Tus-Resumable": "1.0.0"}


def piece(offset: int, **more: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return VERSION | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)} | named


def checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {b64encode(hashlib.new(algorithm, content).digest()).decode()}"


async def upload_of(service: Service, admin: Person, size: int = len(FILM)) -> tuple[UUID, str]:
    made = await service.waiting_video(admin, upload="tus", size=size)
    return UUID(made["video"]["id"]), made["upload"]["url"]


async def received(service: Service, video_id: UUID) -> list[tuple[int, str]]:
    facts = await service.house.records.ledger.read(video_id)
    return [(fact.size_bytes, fact.sha256) for fact in facts if isinstance(fact, UploadReceived)]


async def offset_of(service: Service, url: str) -> int:
    looked = await service.public.head(url, headers=VERSION)
    assert looked.status_code == 200, looked.headers
    return int(looked.headers["upload-offset"])


ALL_OF_IT = [(len(FILM), hashlib.sha256(FILM).hexdigest())]


async def test_a_video_may_be_made_with_an_upload_that_can_go_on(admin: Person) -> None:
    body = {"title": "Onions", "access": "free", "upload": "tus"}

    made = await admin.http.post("/v1/admin/videos", json=body | {"size": 1000})

    upload = made.json()["upload"]
    assert (made.status_code, upload["protocol"], upload["method"]) == (201, "tus", "PATCH")
    assert upload["headers"] == VERSION | {"Content-Type": "application/offset+octet-stream"}
    problem_in(await admin.http.post("/v1/admin/videos", json=body), 422, "upload_size_needed")
    problem_in(await admin.http.post("/v1/admin/videos", json=body | {"size": 2**40}), 413, "upload_too_large")


async def test_a_file_in_two_pieces_is_received_with_the_last_byte(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)

    begun = await service.public.head(url, headers=VERSION)
    assert (begun.headers["upload-offset"], begun.headers["upload-length"]) == ("0", str(len(FILM)))
    assert (begun.headers["cache-control"], begun.headers["tus-resumable"]) == ("no-store", "1.0.0")
    assert begun.headers["upload-expires"].endswith(" GMT")
    first = await service.public.patch(url, content=FILM[:500_000], headers=piece(0))
    assert (first.status_code, first.headers["upload-offset"]) == (204, "500000")
    assert "ledger-position" not in first.headers
    assert await received(service, video_id) == []
    assert await offset_of(service, url) == 500_000

    last = await service.public.patch(url, content=FILM[500_000:], headers=piece(500_000))

    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(FILM)))
    assert int(last.headers["ledger-position"]) > 0
    assert await received(service, video_id) == ALL_OF_IT
    assert await offset_of(service, url) == len(FILM)
    problem_in(await service.public.patch(url, content=b"", headers=piece(len(FILM))), 409, "upload_not_expected")


async def test_the_file_becomes_a_video(service: Service, admin: Person, film: bytes) -> None:
    video_id, url = await upload_of(service, admin, len(film))
    for start in range(0, len(film), 20_000):
        sent = await service.public.patch(url, content=film[start : start + 20_000], headers=piece(start))
        assert sent.status_code == 204, sent.text

    await service.house.videos.transcode(video_id)

    assert (await admin.http.post(f"/v1/admin/videos/{video_id}/publish")).status_code == 200


async def test_what_is_spoken_is_said_to_whoever_asks(service: Service, admin: Person) -> None:
    _, url = await upload_of(service, admin)

    said = await service.public.options(url)

    assert said.status_code == 204
    assert said.headers["allow"] == "DELETE, HEAD, OPTIONS, PATCH, PUT"
    assert {name: value for name, value in said.headers.items() if name.startswith("tus-")} == {
        "tus-resumable": "1.0.0",
        "tus-version": "1.0.0",
        "tus-extension": "checksum,expiration,termination",
        "tus-checksum-algorithm": "md5,sha1,sha256",
    }


async def test_after_a_broken_connection_it_goes_on_where_it_was(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)

    async def breaking_off() -> AsyncIterator[bytes]:
        async for chunk in in_pieces(FILM[:300_000]):
            yield chunk
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await service.public.patch(url, content=breaking_off(), headers=piece(0))

    there = await offset_of(service, url)
    assert there == 300_000
    await service.public.patch(url, content=FILM[there:], headers=piece(there))
    assert await received(service, video_id) == ALL_OF_IT


async def test_a_piece_begins_where_the_upload_stands(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)
    await service.public.patch(url, content=FILM[:1000], headers=piece(0))

    for wrong in (0, 999, 1001, 2**40):
        problem_in(
            await service.public.patch(url, content=FILM[:10], headers=piece(wrong)), 409, "upload_offset_conflict"
        )

    assert await offset_of(service, url) == 1000
    assert await received(service, video_id) == []


async def test_no_more_is_kept_than_was_announced(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)
    much = FILM + b"x"

    said = await service.public.patch(url, content=much, headers=piece(0))
    unsaid = await service.public.patch(url, content=in_pieces(much, 2_000_000), headers=piece(0))

    problem_in(said, 413, "upload_longer_than_announced")
    problem_in(unsaid, 413, "upload_longer_than_announced")
    assert await offset_of(service, url) == 0
    assert await received(service, video_id) == []


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
async def test_a_piece_with_its_checksum_is_taken_and_with_anothers_is_not(
    service: Service, admin: Person, algorithm: str
) -> None:
    video_id, url = await upload_of(service, admin)
    first, last = FILM[:600_000], FILM[600_000:]

    right = await service.public.patch(url, content=first, headers=piece(0, Upload_Checksum=checksum(algorithm, first)))
    wrong = await service.public.patch(
        url, content=last[::-1], headers=piece(600_000, Upload_Checksum=checksum(algorithm, last))
    )

    assert right.status_code == 204
    problem_in(wrong, 460, "checksum_mismatch")
    assert await offset_of(service, url) == 600_000
    await service.public.patch(url, content=last, headers=piece(600_000, Upload_Checksum=checksum(algorithm, last)))
    assert await received(service, video_id) == ALL_OF_IT


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (piece(0) | {"Tus-Resumable": "0.2.2"}, 412, "tus_version_unsupported"),
        ({"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}, 412, "tus_version_unsupported"),
        (piece(0) | {"Content-Type": "application/octet-stream"}, 415, "unsupported_media_type"),
        (piece(0) | {"Upload-Offset": "-1"}, 400, "invalid_parameter"),
        (piece(0) | {"Upload-Offset": "1e3"}, 400, "invalid_parameter"),
        (piece(0) | {"Upload-Offset": "9" * 20}, 400, "invalid_parameter"),
        (piece(0, Upload_Checksum="crc32 AAAA"), 400, "invalid_parameter"),
        (piece(0, Upload_Checksum="sha1 not base64!"), 400, "invalid_parameter"),
        (piece(0, Upload_Checksum="sha1"), 400, "invalid_parameter"),
    ],
)
async def test_what_is_not_tus_is_refused_in_tus(
    service: Service, admin: Person, headers: dict[str, str], status: int, code: str
) -> None:
    _, url = await upload_of(service, admin)

    refused = await service.public.patch(url, content=b"film", headers=headers)

    problem_in(refused, status, code)
    assert refused.headers["tus-resumable"] == "1.0.0"
    assert refused.headers.get("tus-version") == ("1.0.0" if status == 412 else None)
    assert await offset_of(service, url) == 0


async def test_a_link_is_for_its_video_and_its_way_of_sending(service: Service, admin: Person) -> None:
    (_, url), (other, _) = await upload_of(service, admin), await upload_of(service, admin)
    put = (await service.waiting_video(admin))["upload"]["url"]
    swapped = url.rpartition("/")[0]

    for wrong in (f"{swapped}/{other}", f"{swapped}/{uuid4()}", url.replace("/uploads/", "/uploads/x"), put):
        problem_in(await service.public.patch(wrong, content=b"f", headers=piece(0)), 403, "invalid_upload_link")
        assert (await service.public.head(wrong, headers=VERSION)).status_code == 403
        problem_in(await service.public.delete(wrong, headers=VERSION), 403, "invalid_upload_link")
    problem_in(await service.public.put(url, content=b"film"), 403, "invalid_upload_link")


async def test_a_sender_that_has_stopped_gives_way_to_who_goes_on(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)
    begun, over = asyncio.Event(), asyncio.Event()

    async def stopping() -> AsyncIterator[bytes]:
        yield FILM[:1000]
        begun.set()
        await over.wait()

    async with httpx.AsyncClient(timeout=40) as another:
        sending = asyncio.create_task(another.patch(url, content=stopping(), headers=piece(0)))
        await begun.wait()
        there = await offset_of(service, url)
        over.set()
        problem_in(await sending, 408, "upload_stalled")

    assert there == 1000
    await service.public.patch(url, content=FILM[there:], headers=piece(there))
    assert await received(service, video_id) == ALL_OF_IT


async def test_what_a_crash_kept_from_being_recorded_is_recorded_when_somebody_looks(
    service: Service, admin: Person
) -> None:
    video_id, url = await upload_of(service, admin)
    uploads = service.house.resumable_uploads
    async with uploads.platforms.own.resume(video_id, url.split("/")[-2], now=uploads.business_time.now()) as upload:
        await upload.append(in_pieces(FILM))
        await upload.whole()
    assert await received(service, video_id) == []

    assert await offset_of(service, url) == len(FILM)

    assert await received(service, video_id) == ALL_OF_IT


async def test_what_has_come_can_be_thrown_away(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)
    await service.public.patch(url, content=b"the wrong film", headers=piece(0))

    dropped = await service.public.delete(url, headers=VERSION)

    assert (dropped.status_code, dropped.headers["tus-resumable"]) == (204, "1.0.0")
    assert await offset_of(service, url) == 0
    await service.public.patch(url, content=FILM, headers=piece(0))
    assert await received(service, video_id) == ALL_OF_IT


async def test_a_file_that_was_no_video_may_be_sent_again(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)
    await service.public.patch(url, content=FILM, headers=piece(0))
    await service.house.videos.transcode(video_id)

    assert await offset_of(service, url) == 0
    await service.public.patch(url, content=FILM[::-1], headers=piece(0))

    other: Any = hashlib.sha256(FILM[::-1]).hexdigest()
    assert await received(service, video_id) == [*ALL_OF_IT, (len(FILM), other)]


async def test_a_deleted_video_takes_nothing_and_keeps_nothing(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)
    await service.public.patch(url, content=FILM[:10], headers=piece(0))
    assert (await admin.http.delete(f"/v1/admin/videos/{video_id}")).status_code == 200

    problem_in(await service.public.patch(url, content=FILM[10:], headers=piece(10)), 404, "not_found")
    assert (await service.public.head(url, headers=VERSION)).status_code == 404
    assert await received(service, video_id) == []


async def test_a_video_that_another_upload_has_filled_takes_no_more(service: Service, admin: Person) -> None:
    video_id, url = await upload_of(service, admin)
    await service.public.patch(url, content=FILM[:10], headers=piece(0))
    link = await service.house.videos.platforms.own.grant_upload(
        video_id, size_bytes=None, now=service.house.business_time.now()
    )
    assert (await service.public.put(link.url, content=b"another film")).status_code == 204

    assert (await service.public.head(url, headers=VERSION)).status_code == 409
    problem_in(await service.public.patch(url, content=FILM[10:], headers=piece(10)), 409, "upload_not_expected")
