"""Bodies and files that are made to break what reads them, and what answers give away."""

import asyncio
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse.installation import JWT_KEY
from tests.abuse.running import Service
from tests.abuse.things import film, shared_film, subscribe, when_processed
from tests.abuse.volley import Shot, said_everywhere, volley

pytestmark = pytest.mark.anyio

NOBODYS = "7c0ffb0e-3c58-4a0c-8df1-0b6c1c1f4d10"
NOT_OF_THE_CONTRACT = {"/v1/sandbox/messages"}
"""Everybody's letters are shown there, in development alone."""
INSIDE = ("argon2", "password_hash", "streamly_refresh_", "sk_test_", "whsec_", JWT_KEY)

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{trap}\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile /etc/passwd\nfile {trap}\n"

GROWTH_BYTES_MAX = 100 << 20
GOOD = b'{"email": "anna@example.com", "password": "a lighthouse in the fog"}'
JSON, PARTS = "application/json", "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
BODIES = [
    *((b'{"email": ' + b"[" * depth + b"]" * depth + b"}", JSON) for depth in (500, 2_000, 100_000)),
    *((b'{"email": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}", JSON) for depth in (500, 2_000, 100_000)),
    (b"{" + b",".join(b'"%d":0' % number for number in range(80_000)) + b"}", JSON),
    (b'{"email": "\xff\xfe", "password": "x"}', JSON),
    (b'{"email": NaN, "password": Infinity}', JSON),
    (GOOD, "text/plain"),
    (GOOD, "application/x-www-form-urlencoded"),
    (PART * 10_000 + b"--x--\r\n", PARTS),
    (gzip.compress(b" " * 50_000_000), JSON),
]

POST, SECOND = b"POST /v1/auth/login HTTP/1.1\r\nhost: abuse\r\n", b"GET /health/live HTTP/1.1\r\nhost: abuse\r\n\r\n"
GET = b"GET /health/live HTTP/1.1\r\nhost: abuse\r\n"
HEADS = {
    "a length and chunks": POST + b"content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "two lengths": POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab" + SECOND,
    "a length below nothing": POST + b"content-length: -1\r\n\r\n" + SECOND,
    "chunks that are none": POST + b"transfer-encoding: xchunked, chunked, identity\r\n\r\n0\r\n\r\n" + SECOND,
    "bare line feeds": b"GET /health/live HTTP/1.1\nhost: abuse\n\n" + SECOND,
    "a folded header": GET + b"x-folded: one\r\n two\r\n\r\n" + SECOND,
    "100 kB of a header": GET + b"x-long: " + b"y" * 100_000 + b"\r\n\r\n",
    "1,000 headers": GET + b"".join(b"x-%d: y\r\n" % number for number in range(1_000)) + b"\r\n",
    "NUL in the path": b"GET /health/\0live HTTP/1.1\r\nhost: abuse\r\n\r\n" + SECOND,
    "a space before the colon": GET + b"x-name : y\r\n\r\n" + SECOND,
    "two hosts": GET + b"host: other\r\n\r\n" + SECOND,
    "no host": b"GET /health/live HTTP/1.1\r\n\r\n" + SECOND,
}


@pytest.mark.abuse("AB-41")
@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS)
async def test_what_two_might_read_differently_is_read_by_nobody(service: Service, sent: bytes) -> None:
    for heard in await said_everywhere(service.at, sent):
        assert heard.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")), heard[:200]
        assert heard.count(b"HTTP/1.1 ") == 1, heard[:500]
        assert b"\r\nconnection: close\r\n" in heard
    everywhere = await volley(service.at, [Shot("GET", "/health/live")] * service.at.api_processes)
    assert {answer.status_code for answer in everywhere} == {200}


@pytest.mark.abuse("AB-31")
async def test_no_answer_holds_anything_of_the_inside_or_of_somebody_else(service: Service) -> None:
    anna, boris = await service.sign_up(), await service.sign_up()
    await subscribe(service, anna)
    known = {"account_id": anna.id, "video_id": (await shared_film(service))["id"]}
    paths = (await service.public.get("/schema/openapi.json")).json()["paths"]
    readable = {path for path, operations in paths.items() if "get" in operations} - NOT_OF_THE_CONTRACT
    assert {"/v1/me", "/v1/me/export", "/v1/me/payments", "/v1/me/sessions"} <= readable

    for path in sorted(readable):
        answer = await anna.http.get(re.sub(r"{(\w+)[^}]*}", lambda found: known.get(found[1], NOBODYS), path))
        assert answer.status_code < 500, answer.text
        given_away = [each for each in (*INSIDE, boris.email, boris.id) if each in answer.text]
        assert given_away == [], path


@pytest.mark.abuse("AB-38")
async def test_an_upload_that_names_files_and_addresses_ends_in_error_and_reaches_nothing(service: Service) -> None:
    visits: list[object] = []

    def visited(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(writer)
        writer.close()

    async with await asyncio.start_server(visited, "127.0.0.1") as listener:
        trap = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/film.ts"
        for name, content in (
            ("../../film.mp4", PLAYLIST.format(trap=trap).encode()),
            ("-i x;$(id).mp4", CONCAT.format(trap=trap).encode()),
            ("nothing.mp4", b""),
            ("half.mp4", film()[:3_000]),
        ):
            assert await what_becomes_of(service, name, content) == "errored"
    assert visits == []


async def what_becomes_of(service: Service, filename: str, content: bytes) -> str:
    """The status of a video once the worker is done with its file."""
    body = {"title": "Onions", "access": "free", "filename": filename}
    created = await (await service.admin()).post("/v1/admin/videos", json=body)
    assert created.status_code == 201, created.text
    await service.public.put(created.json()["upload"]["url"], content=content)
    return str((await when_processed(service, created.json()["video"]["id"]))["status"])


@pytest.mark.abuse("AB-40")
async def test_bodies_that_are_made_to_break_a_parser_are_refused_and_leave_the_processes_as_they_were(
    service: Service,
) -> None:
    before = dict(resident(service))
    for path in ("/v1/auth/login", "/v1/auth/register"):
        for body, kind in BODIES:
            shot = Shot("POST", path, body, {"content-type": kind})
            for answer in await volley(service.at, [shot] * service.at.api_processes):
                assert answer.status_code in {400, 413, 415}, (path, kind, body[:40], answer.text)
    compressed = Shot("POST", "/v1/auth/login", gzip.compress(GOOD), {"content-encoding": "gzip"})
    for answer in await volley(service.at, [compressed] * service.at.api_processes):
        assert answer.status_code in {400, 415}, answer.text

    after = dict(resident(service))
    assert set(after) == set(before)
    assert all(after[pid] - before[pid] < GROWTH_BYTES_MAX for pid in before)


def resident(service: Service) -> Iterator[tuple[int, int]]:
    """Each API process with the bytes of memory that it takes."""
    for pid in service.at.api_pids():
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        assert found, "Linux says it of every process"
        yield pid, int(found[1]) * 1024
