"""Media as RFC 9110 has it: all of a file, one part of it, or word that the client has it already."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.http.files import OK, PART, Version, serve, version_of_file, wanted_of
from entrypoints.http.media import PIECE_BYTES, OpenFile
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

SIZE = 3 * PIECE_BYTES + 1000
CONTENT = os.urandom(SIZE)
OLD, LATE = formatdate(1_000_000_000, usegmt=True), "Fri, 31 Dec 2094 23:59:59 GMT"


class Shown(NamedTuple):
    """A film that is being played, of which one segment has been made longer than one piece."""

    master: str
    poster: str
    segment: str
    video_id: UUID
    playback_id: str
    session_id: UUID
    etag: str
    modified: str


@pytest.fixture(scope="module")
async def shown(service: Service, admin: Person, film: bytes) -> Shown:
    video = await service.published_video(admin, film, access="free")
    started = (await service.public.post(f"/v1/videos/{video['id']}/playback")).json()
    hls = service.house.settings.data_dir / "video/hls" / video["id"]
    replace(hls / started["playback_id"] / "240p/seg_00000.m4s", CONTENT)
    url = started["url"].replace("master.m3u8", "240p/seg_00000.m4s")
    headers = (await service.public.get(url)).headers
    ids = UUID(video["id"]), started["playback_id"], UUID(started["session_id"])
    return Shown(started["url"], video["thumbnail_url"], url, *ids, headers["etag"], headers["last-modified"])


def replace(file: Path, content: bytes) -> None:
    file.unlink()
    file.write_bytes(content)


async def get(service: Service, shown: Shown, *headers: tuple[str, str]) -> httpx.Response:
    return await service.public.get(shown.segment, headers=list(headers))


async def test_all_of_a_file_comes_with_what_tells_it_from_others(service: Service, shown: Shown) -> None:
    answer = await get(service, shown)

    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["content-type"] == "video/iso.segment"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["access-control-allow-origin"] == "*"
    written = datetime.strptime(answer.headers["last-modified"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=10)


async def test_segments_are_kept_playlists_asked_for_again_and_pictures_kept_for_all(
    service: Service, shown: Shown
) -> None:
    answers = {url: await service.public.get(url) for url in (shown.segment, shown.master, shown.poster)}

    assert [(answer.status_code, answer.headers["cache-control"]) for answer in answers.values()] == [
        (200, "private, max-age=43200, immutable"),
        (200, "private, no-cache"),
        (200, "public, max-age=3600"),
    ]


async def test_head_is_answered_as_get_is_without_the_bytes(service: Service, shown: Shown) -> None:
    for url in (shown.segment, shown.master, shown.poster):
        whole, head = await service.public.get(url), await service.public.head(url)
        assert head.status_code == 200
        assert head.content == b""
        assert said(head) == said(whole)


def said(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in {"date", "x-request-id"}}


async def test_head_of_what_is_refused_is_refused(service: Service, shown: Shown) -> None:
    refused = await service.public.head(shown.segment.replace("/media/", "/media/x"))

    assert (refused.status_code, refused.content) == (403, b"")
    assert refused.headers["access-control-allow-origin"] == "*", "so that a player on any page knows why it ends"


async def test_head_knows_no_parts_but_conditions(service: Service, shown: Shown) -> None:
    part = await service.public.head(shown.segment, headers={"Range": "bytes=0-9"})
    same = await service.public.head(shown.segment, headers={"If-None-Match": shown.etag})

    assert (part.status_code, part.headers["content-length"]) == (200, str(SIZE))
    assert "content-range" not in part.headers
    assert same.status_code == 304


PARTS = {
    "bytes=0-0": (0, 0),
    "bytes=0-": (0, SIZE - 1),
    "bytes=10-19": (10, 19),
    "BYTES=10-19": (10, 19),
    "bytes= 10-19": (10, 19),
    "bytes=-1": (SIZE - 1, SIZE - 1),
    "bytes=-1000": (SIZE - 1000, SIZE - 1),
    f"bytes=-{SIZE + 1}": (0, SIZE - 1),
    f"bytes=10-{SIZE}": (10, SIZE - 1),
    "bytes=00000010-0000000000000000000000019": (10, 19),
    f"bytes=5-{'9' * 5000}": (5, SIZE - 1),
    f"bytes=-{'9' * 5000}": (0, SIZE - 1),
    f"bytes={PIECE_BYTES - 1}-{2 * PIECE_BYTES}": (PIECE_BYTES - 1, 2 * PIECE_BYTES),
}


@pytest.mark.parametrize("wanted", PARTS)
async def test_one_part_of_it(service: Service, shown: Shown, wanted: str) -> None:
    first, last = PARTS[wanted]

    answer = await get(service, shown, ("Range", wanted))

    assert answer.status_code == 206
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.headers["content-type"] == "video/iso.segment"
    assert answer.headers["etag"] == shown.etag


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE}", "bytes=-0", f"bytes={'9' * 5000}-"])
async def test_a_part_that_there_is_not(service: Service, shown: Shown, wanted: str) -> None:
    answer = await get(service, shown, ("Range", wanted))

    problem_in(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    assert answer.headers["cache-control"] == "no-store"


NO_RANGES = [
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=--1",
    "bytes=1",
    "bytes=9-1",
    "bytes=a-b",
    "bytes=0x0-0xf",
    "bytes=+1-2",
    "bytes=1_0-2_0",
    "bytes=1.0-2",
    "bytes=0-9,20-29",
    "bytes=0-,0-,0-,0-",
    "bytes=" + ",".join(f"{number}-{number}" for number in range(3000)),
    "bytes=0-9;q=1",
    "bytes:0-9",
    "seconds=0-9",
    "bytes=\u0661-\u0662",
    "bytes=0 - 9",
]


@pytest.mark.parametrize("wanted", NO_RANGES, ids=lambda wanted: wanted[:20])
async def test_what_is_no_range_and_several_at_once_mean_all_of_it(service: Service, shown: Shown, wanted: str) -> None:
    answer = await service.public.get(shown.segment, headers=[(b"Range", wanted.encode())])

    assert (answer.status_code, answer.headers["content-length"]) == (200, str(SIZE))
    assert "content-range" not in answer.headers


async def test_two_headers_that_ask_for_parts_ask_for_all_of_it(service: Service, shown: Shown) -> None:
    assert (await get(service, shown, ("Range", "bytes=0-9"), ("Range", "bytes=0-9"))).status_code == 200


CONDITIONS: list[tuple[Mapping[str, str], int]] = [
    ({"If-None-Match": "{etag}"}, 304),
    ({"If-None-Match": "W/{etag}"}, 304),
    ({"If-None-Match": '"other" , W/"more",{etag}'}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": '"other"'}, 200),
    ({"If-None-Match": "{etag}", "Range": "bytes=0-9"}, 304),
    ({"If-None-Match": '"other"', "Range": "bytes=0-9"}, 206),
    ({"If-None-Match": '"other"', "If-Modified-Since": LATE}, 200),
    ({"If-None-Match": '"' * 5000}, 200),
    ({"If-Modified-Since": "{modified}"}, 304),
    ({"If-Modified-Since": LATE}, 304),
    ({"If-Modified-Since": "Friday, 31-Dec-60 23:59:59 GMT"}, 304),
    ({"If-Modified-Since": "Fri Dec 31 23:59:59 2060"}, 304),
    ({"If-Modified-Since": OLD}, 200),
    ({"If-Modified-Since": "yesterday"}, 200),
    ({"If-Modified-Since": "Fri, 99 Dec 9999999999 99:99:99 GMT"}, 200),
    ({"If-Modified-Since": "0" * 5000}, 200),
    ({"If-Match": "{etag}"}, 200),
    ({"If-Match": "*"}, 200),
    ({"If-Match": "W/{etag}"}, 412),
    ({"If-Match": '"other"'}, 412),
    ({"If-Match": '"other"', "If-None-Match": "{etag}"}, 412),
    ({"If-Unmodified-Since": "{modified}"}, 200),
    ({"If-Unmodified-Since": OLD}, 412),
    ({"If-Unmodified-Since": OLD, "If-Match": "{etag}"}, 200),
    ({"If-Unmodified-Since": "never"}, 200),
    ({"If-Range": "{etag}", "Range": "bytes=0-9"}, 206),
    ({"If-Range": "{modified}", "Range": "bytes=0-9"}, 206),
    ({"If-Range": "W/{etag}", "Range": "bytes=0-9"}, 200),
    ({"If-Range": '"other"', "Range": "bytes=0-9"}, 200),
    ({"If-Range": OLD, "Range": "bytes=0-9"}, 200),
    ({"If-Range": LATE, "Range": "bytes=0-9"}, 200),
    ({"If-Range": "nonsense", "Range": "bytes=0-9"}, 200),
    ({"If-Range": '"other"', "Range": f"bytes={SIZE}-"}, 200),
    ({"If-Range": "{etag}"}, 200),
]


@pytest.mark.parametrize(("asked", "status"), CONDITIONS, ids=lambda value: str(value)[:60])
async def test_conditions(service: Service, shown: Shown, asked: Mapping[str, str], status: int) -> None:
    headers = {
        name: value.replace("{etag}", shown.etag).replace("{modified}", shown.modified) for name, value in asked.items()
    }

    answer = await service.public.get(shown.segment, headers=headers)

    assert answer.status_code == status
    if status == 304:
        assert answer.content == b""
        assert answer.headers["etag"] == shown.etag
        assert answer.headers["cache-control"] == "private, max-age=43200, immutable"
        assert not {"content-type", "content-length", "accept-ranges"} & set(answer.headers)
    if status == 412:
        problem_in(answer, 412, "precondition_failed")


async def test_another_file_has_another_tag(service: Service, shown: Shown) -> None:
    other = (await service.public.get(shown.master)).headers["etag"]

    assert other != shown.etag
    assert (await get(service, shown, ("If-None-Match", other))).status_code == 200


async def test_a_playlist_up_to_a_height_has_tags_and_parts_of_its_own(service: Service, shown: Shown) -> None:
    granted = await service.house.playback.platforms.own.grant_playback(
        shown.playback_id,
        video_id=shown.video_id,
        session_id=shown.session_id,
        until=datetime.now(UTC) + timedelta(hours=1),
        max_height=200,
    )
    cut, whole = await service.public.get(granted.url), await service.public.get(shown.master)

    assert "240p" in cut.text, "the lowest there is, though it is taller"
    assert cut.headers["etag"] != whole.headers["etag"]
    assert cut.headers["last-modified"] == whole.headers["last-modified"]
    again = await service.public.get(granted.url, headers={"If-None-Match": cut.headers["etag"]})
    part = await service.public.get(granted.url, headers={"Range": "bytes=1-6"})
    looked = await service.public.head(granted.url)
    assert (again.status_code, part.status_code, part.text) == (304, 206, "EXTM3U")
    assert (looked.headers["content-length"], looked.content) == (str(len(cut.content)), b"")


async def test_a_key_is_for_a_live_session_alone_and_nobody_on_the_way_keeps_it(service: Service, shown: Shown) -> None:
    started = (await service.public.post(f"/v1/videos/{shown.video_id}/playback")).json()
    url = started["url"].replace("master.m3u8", "enc.key")

    key, again = await service.public.get(url), await service.public.get(url, headers={"Range": "bytes=0-3"})

    assert (key.status_code, len(key.content), again.content) == (200, 16, key.content)
    assert (key.headers["cache-control"], key.headers["content-length"]) == ("no-store", "16")
    assert not {"etag", "last-modified"} & set(key.headers)
    problem_in(await service.public.get(shown.poster.replace("poster.jpg", "enc.key")), 403, "media_refused")
    assert (await service.public.delete(f"/v1/playback/{started['session_id']}")).status_code == 204
    problem_in(await service.public.get(url), 403, "media_refused")


async def test_nothing_is_told_of_a_file_to_who_may_not_see_it(service: Service, shown: Shown) -> None:
    forged = shown.segment.replace("/media/", "/media/x")
    for headers in ({"Range": "bytes=0-9"}, {"If-None-Match": "*"}, {"If-Match": '"x"'}, {"Range": f"bytes={SIZE}-"}):
        answer = await service.public.get(forged, headers=headers)
        problem_in(answer, 403, "media_refused")


async def test_a_file_that_goes_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "seg_00000.m4s"
    path.write_bytes(CONTENT)
    with OpenFile(str(path)) as opened:
        pieces = opened.pieces(0, SIZE)
        read = await anext(pieces)
        path.unlink()
        read = bytes(read) + b"".join([piece async for piece in pieces])

    assert read == CONTENT


async def test_what_is_not_in_memory_is_read_beside_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "seg_00000.m4s"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    with OpenFile(str(path)) as opened:
        read = b"".join([piece async for piece in opened.pieces(5, SIZE - 10)])

    assert read == CONTENT[5:-5]


NAMES = st.sampled_from(
    [b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"]
)
VALUES = st.one_of(
    st.binary(max_size=80),
    st.from_regex(rb"\A(bytes=)?[-0-9, ]{0,30}\Z"),
    st.from_regex(rb'\A(W/)?"?[a-z0-9", -]{0,30}"?\Z'),
    st.from_regex(rb"\A[A-Z][a-z]{2},? [0-9]{1,20} [A-Z][a-z]{2} [0-9]{1,9} [0-9:+-]{1,20} ?[A-Z0-9+-]{0,9}\Z"),
    st.integers(-(10**10), 10**10).map(lambda second: formatdate(second, usegmt=True).encode()),
)


@given(headers=st.lists(st.tuples(NAMES, VALUES), max_size=6), size=st.integers(0, 20), parts=st.booleans())
def test_whatever_is_asked_what_is_sent_lies_in_the_file(headers: Any, size: int, *, parts: bool) -> None:
    served = serve(wanted_of(headers), Version(size, b'"a"', 1_790_000_000), parts=parts)

    assert 0 <= served.start <= served.start + served.length <= size
    if served.status == OK:
        assert (served.start, served.length) == (0, size)
    if served.status == PART:
        assert parts
        assert served.length > 0


def test_a_file_that_is_replaced_has_another_tag_though_it_is_as_long(tmp_path: Path) -> None:
    path = tmp_path / "index.m3u8"
    versions = []
    for moment in (1_790_000_000_000_000_001, 1_790_000_000_000_000_002):
        path.write_bytes(b"1234")
        os.utime(path, ns=(moment, moment))
        versions.append(version_of_file(path.stat()))

    assert versions[0].etag != versions[1].etag
    assert versions[0].modified == versions[1].modified
