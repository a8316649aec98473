"""An admin gives captions to a film, and whoever plays it can read along."""

import asyncio
import re
import subprocess
from contextlib import suppress
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest

from entrypoints.wiring import ffmpeg
from entrypoints.worker.worker import do_platform_tasks
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

TEXT = "WEBVTT\n\n00:00.500 --> 00:01.500\nGood evening\n"


@pytest.fixture(scope="module")
async def video(service: Service, admin: Person, film: bytes) -> Any:
    return await service.published_video(admin, film, title="Fennel", access="free")


def at(video: Any, track: str = "") -> str:
    return f"/v1/admin/videos/{video['id']}/captions{track}"


async def provide(admin: Person, video: Any, track: str, text: str | bytes = TEXT, **given: str) -> httpx.Response:
    content, headers = text if isinstance(text, bytes) else text.encode(), {"Content-Type": "text/vtt"}
    params = {"label": "English"} | given
    return await admin.http.put(at(video, track), content=content, params=params, headers=headers)


async def settle(service: Service, video: Any, shown: str) -> str:
    """The address at which it plays, once its master playlist says so."""
    acting = asyncio.gather(service.house.policies.run(), do_platform_tasks(service.house))
    url = str((await service.public.post(f"/v1/videos/{video['id']}/playback", json={})).json()["url"])
    async with asyncio.timeout(20):
        while shown not in (await service.public.get(url)).text:
            await asyncio.sleep(0.02)
    acting.cancel()
    with suppress(asyncio.CancelledError):
        await acting
    return url


async def test_captions_come_are_replaced_and_go(service: Service, admin: Person, video: Any) -> None:
    english = await provide(admin, video, "/subtitles/EN")
    assert (english.status_code, english.json()) == (
        200,
        {
            "kind": "subtitles",
            "language": "en",
            "label": "English",
            "size": len(TEXT),
            "sha256": sha256(TEXT.encode()).hexdigest(),
        },
    )
    assert int(english.headers["ledger-position"]) > 0
    french = await provide(admin, video, "/captions/fr", TEXT.replace("Good evening", "Bonsoir"), label="Français")
    assert (await admin.http.get(at(video))).json() == {"items": [english.json(), french.json()], "next_cursor": None}

    first = (await admin.http.get(at(video), params={"limit": 1})).json()
    rest = await admin.http.get(at(video), params={"cursor": first["next_cursor"]})
    assert (first["items"], rest.json()) == ([english.json()], {"items": [french.json()], "next_cursor": None})

    replaced = await provide(admin, video, "/subtitles/en", TEXT.replace("evening", "night"), label="English (UK)")
    removed = await admin.http.delete(at(video, "/captions/FR"))

    assert (removed.status_code, removed.json()) == (200, french.json())
    assert (await admin.http.get(at(video))).json()["items"] == [replaced.json()]
    problem_in(await admin.http.delete(at(video, "/captions/fr")), 404, "not_found")
    url = await settle(service, video, 'NAME="English (UK)"')
    assert (await service.public.get(url)).text.count("TYPE=SUBTITLES") == 1


async def test_a_player_reads_along_for_as_long_as_it_may_play(service: Service, admin: Person, video: Any) -> None:
    await provide(admin, video, "/subtitles/en-GB", label="British")
    url = await settle(service, video, 'LANGUAGE="en-GB"')

    playlist = url.replace("master.m3u8", "captions/en-GB.subtitles.m3u8")
    named = re.search(r"^\w{64}\.vtt$", (await service.public.get(playlist)).text, re.MULTILINE)
    assert named is not None
    text = playlist.replace("en-GB.subtitles.m3u8", named[0])
    answer = await service.public.get(text)

    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("text/vtt", "private, no-cache")
    assert answer.headers["access-control-allow-origin"] == "*"
    again = await service.public.get(text, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    command = [str(ffmpeg()), "-v", "error", "-i", playlist, "-map", "0:s:0", "-f", "webvtt", "-"]
    read = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True, timeout=30)
    assert read.stdout.decode() == TEXT

    session = (await service.public.post(f"/v1/videos/{video['id']}/playback", json={})).json()
    theirs = session["url"].replace("master.m3u8", f"captions/{named[0]}")
    assert (await service.public.get(theirs)).status_code == 200
    await service.public.delete(f"/v1/playback/{session['session_id']}")
    problem_in(await service.public.get(theirs), 403, "media_refused")


@pytest.mark.parametrize(
    ("track", "text", "given", "status", "code"),
    [
        ("/subtitles/en", "Hello", {}, 422, "captions_invalid"),
        ("/subtitles/en", b"", {}, 422, "captions_invalid"),
        ("/subtitles/en", b"WEBVTT\n\n\xff", {}, 422, "captions_invalid"),
        ("/subtitles/en", TEXT + "x" * 1_000_000, {}, 413, "body_too_large"),
        ("/subtitles/english", TEXT, {}, 422, "language_invalid"),
        ("/chapters/en", TEXT, {}, 400, "invalid_parameter"),
        ("/subtitles/en", TEXT, {"label": ""}, 400, "invalid_parameter"),
        ("/subtitles/en", TEXT, {"label": "a\0b"}, 400, "invalid_parameter"),
    ],
)
async def test_what_is_wrong_is_said(
    admin: Person, video: Any, track: str, text: str, given: dict[str, str], status: int, code: str
) -> None:
    before = (await admin.http.get(at(video))).json()

    problem_in(await provide(admin, video, track, text, **given), status, code)

    assert (await admin.http.get(at(video))).json() == before


async def test_a_video_that_is_not_there_has_none(admin: Person) -> None:
    nothing = {"id": uuid4()}

    problem_in(await admin.http.get(at(nothing)), 404, "not_found")
    problem_in(await provide(admin, nothing, "/subtitles/en"), 404, "not_found")
    problem_in(await admin.http.delete(at(nothing, "/subtitles/en")), 404, "not_found")
