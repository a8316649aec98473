"""Watching: who may, why not, and for how long the address is good."""

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from application.countries import Countries
from entrypoints.cli.film import make_clip
from entrypoints.http.app import create_app
from entrypoints.wiring import ffmpeg
from tests.http.problem import problem_in
from tests.http.running import Person, Service
from tests.http.serving import served

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def lesson(service: Service, admin: Person, film: bytes) -> Any:
    return await service.published_video(admin, film, title="Onions", access="subscribers", requires="hd")


@pytest.fixture(scope="module")
async def trailer(service: Service, admin: Person, film: bytes) -> Any:
    return await service.published_video(admin, film, title="Trailer", access="free")


@pytest.fixture(scope="module")
async def subscriber(service: Service, admin: Person) -> Person:
    clara = await service.sign_up()
    await service.subscribe(clara, await service.plan_on_sale(admin, features=["hd", "sd"]))
    return clara


async def play(
    client: httpx.AsyncClient, video: Any, headers: dict[str, str] | None = None, **body: str
) -> httpx.Response:
    return await client.post(f"/v1/videos/{video['id']}/playback", json=body, headers=headers)


async def test_a_subscriber_watches(service: Service, subscriber: Person, lesson: Any) -> None:
    started = await play(subscriber.http, lesson, device_id="kitchen")

    assert started.status_code == 200
    assert set(started.json()) == {
        "session_id",
        "video_id",
        "provider",
        "playback_id",
        "url",
        "token",
        "expires_at",
        "resume_at_seconds",
        "storyboard_url",
    }
    assert started.json()["token"] in started.json()["url"]
    assert int(started.headers["ledger-position"]) > 0
    playlist = await service.public.get(started.json()["url"])
    assert playlist.status_code == 200
    assert playlist.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert playlist.headers["access-control-allow-origin"] == "*"
    assert playlist.text.startswith("#EXTM3U")
    storyboard = await service.public.get(started.json()["storyboard_url"])
    assert (storyboard.status_code, storyboard.headers["content-type"]) == (200, "text/vtt")
    sheet = await service.public.get(started.json()["storyboard_url"].replace("index.vtt", "sheet_00.jpg"))
    assert (sheet.headers["content-type"], sheet.headers["cache-control"]) == (
        "image/jpeg",
        "private, max-age=43200, immutable",
    )


async def test_every_file_of_the_playlist_is_served(service: Service, subscriber: Person, lesson: Any) -> None:
    url = httpx.URL((await play(subscriber.http, lesson)).json()["url"])
    variant = next(line for line in (await service.public.get(url)).text.splitlines() if not line.startswith("#"))
    media = await service.public.get(url.join(variant))
    segments = [line for line in media.text.splitlines() if not line.startswith("#")]

    assert segments
    for segment in segments:
        answer = await service.public.get(url.join(variant).join(segment))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/iso.segment")
        assert len(answer.content) == int(answer.headers["content-length"]) > 1000


async def test_who_has_no_plan_hears_why_and_on_which_facts(anna: Person, lesson: Any) -> None:
    refused = await play(anna.http, lesson)

    access = problem_in(refused, 402, "subscription_required")["access"]
    assert (access["granted"], access["reason"], access["until"]) == (False, "no_subscription", None)
    assert int(refused.headers["ledger-position"]) > 0


async def test_a_plan_without_the_feature_is_not_enough(
    service: Service, admin: Person, anna: Person, lesson: Any
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin, features=["sd"]))

    access = problem_in(await play(anna.http, lesson), 402, "plan_upgrade_required")["access"]
    assert access["reason"] == "feature_missing"
    assert "hd" in access["otherwise"]


async def test_a_stranger_watches_what_is_free_and_signs_in_for_the_rest(
    service: Service, lesson: Any, trailer: Any
) -> None:
    problem_in(await play(service.public, lesson), 401, "not_signed_in")

    started = (await play(service.public, trailer)).json()

    assert (await service.public.get(started["url"])).status_code == 200
    beat = await service.public.post(f"/v1/playback/{started['session_id']}/heartbeat", json={"position_seconds": 1})
    assert beat.status_code == 204


async def test_the_body_may_be_left_out(service: Service, trailer: Any) -> None:
    assert (await service.public.post(f"/v1/videos/{trailer['id']}/playback")).status_code == 200


async def test_what_there_is_not_or_not_yet_cannot_be_played(service: Service, admin: Person, anna: Person) -> None:
    waiting = await service.waiting_video(admin)

    problem_in(await play(anna.http, {"id": str(uuid4())}), 404, "not_found")
    problem_in(await play(anna.http, waiting["video"]), 409, "video_not_ready")


async def test_the_viewer_resumes_where_they_left(subscriber: Person, lesson: Any) -> None:
    first = (await play(subscriber.http, lesson)).json()
    beat = await subscriber.http.post(f"/v1/playback/{first['session_id']}/heartbeat", json={"position_seconds": 1.25})

    assert beat.status_code == 204
    assert (await play(subscriber.http, lesson)).json()["resume_at_seconds"] == 1.25


async def test_an_ended_session_ends_its_address(service: Service, subscriber: Person, lesson: Any) -> None:
    started = (await play(subscriber.http, lesson)).json()
    session = f"/v1/playback/{started['session_id']}"

    assert (await subscriber.http.delete(session)).status_code == 204

    problem_in(await subscriber.http.post(f"{session}/heartbeat", json={"position_seconds": 2}), 403, "session_ended")
    problem_in(await subscriber.http.delete(session), 404, "not_found")
    problem_in(await service.public.get(started["url"]), 403, "media_refused")


async def test_as_many_devices_play_as_the_plan_allows_and_one_may_be_ended_for_another(
    service: Service, admin: Person, anna: Person, lesson: Any
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin, features=["hd"], stream_limit=2))
    tv, phone = [(await play(anna.http, lesson, device_id=device)).json() for device in ("tv", "phone")]

    problem = problem_in(await play(anna.http, lesson, device_id="tablet"), 409, "too_many_streams")

    assert problem["limit"] == 2
    assert [(one["session_id"], one["device_id"], one["video_id"]) for one in problem["streams"]] == [
        (tv["session_id"], "tv", lesson["id"]),
        (phone["session_id"], "phone", lesson["id"]),
    ]
    assert (await play(anna.http, lesson, device_id="phone")).status_code == 200
    problem_in(await service.public.get(phone["url"]), 403, "media_refused")
    assert (await anna.http.delete(f"/v1/playback/{problem['streams'][0]['session_id']}")).status_code == 204
    problem_in(await service.public.get(tv["url"]), 403, "media_refused")
    assert (await play(anna.http, lesson, device_id="tablet")).status_code == 200


async def test_of_many_that_start_at_once_as_many_play_as_the_plan_allows(
    service: Service, admin: Person, anna: Person, lesson: Any
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin, features=["hd"], stream_limit=3))

    answers = await asyncio.gather(*(play(anna.http, lesson, device_id=f"tv{n}") for n in range(50)))

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 47


@pytest.mark.parametrize("revoked", ["the account", "the play", "the video"])
async def test_what_is_revoked_plays_no_more_and_neither_does_the_api_let_it(
    service: Service, admin: Person, anna: Person, film: bytes, lesson: Any, revoked: str
) -> None:
    await service.subscribe(anna, await service.plan_on_sale(admin, features=["hd"]))
    video = await service.published_video(admin, film) if revoked == "the video" else lesson
    started = (await play(anna.http, video)).json()
    session, segment = f"/v1/playback/{started['session_id']}", started["url"].replace("master", "240p/index")
    for url in (started["url"], segment):
        assert (await service.public.get(url)).status_code == 200

    answer = await {
        "the account": lambda: admin.http.post(f"/v1/admin/accounts/{anna.account_id}/disable", json={"reason": "x"}),
        "the play": lambda: anna.http.delete(session),
        "the video": lambda: admin.http.post(f"/v1/admin/videos/{video['id']}/unpublish"),
    }[revoked]()
    assert answer.status_code in {200, 204}, answer.text

    for url in (started["url"], segment):
        problem_in(await service.public.get(url), 403, "media_refused")
    beat, again = (
        await anna.http.post(f"{session}/heartbeat", json={"position_seconds": 1}),
        await play(anna.http, video),
    )
    if revoked == "the account":
        problem_in(beat, 401, "session_ended")
        problem_in(again, 401, "session_ended")
    else:
        problem_in(beat, 403, "session_ended")
        assert again.status_code == (409 if revoked == "the video" else 200)


FROM = "CF-IPCountry"


@asynccontextmanager
async def behind(service: Service, proxy: str, **countries: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The same house, watched from some countries alone, by the word of that proxy."""
    async with with_playback(service, proxy, countries=Countries(**countries)) as client:
        yield client


@asynccontextmanager
async def with_playback(service: Service, proxy: str, **given: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The same house, with other rules of watching."""
    playback = dataclasses.replace(service.house.playback, **given)
    watching = dataclasses.replace(service.house.watching, playback=playback)
    app = create_app(dataclasses.replace(service.house, watching=watching), look_seconds=0)
    async with (
        served(app, trusted_proxies=[proxy], country_header=FROM) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def test_watched_is_from_the_countries_that_are_allowed_and_not_from_those_that_are_refused(
    service: Service, subscriber: Person, lesson: Any, trailer: Any
) -> None:
    url, answers = f"/v1/videos/{trailer['id']}/playback", list[int]()
    hers = {"Authorization": subscriber.http.headers["Authorization"]}
    told = [{FROM: "DE"}, {FROM: "AT", "X-Forwarded-For": "203.0.113.7"}, {FROM: "FR"}, {}, {FROM: "XX"}, {FROM: "T1"}]
    for countries in ({"allowed": frozenset({"DE", "AT"})}, {"refused": frozenset({"DE", "AT"})}):
        async with behind(service, "127.0.0.1", **countries) as client:
            answers += [(await client.post(url, json={}, headers=headers)).status_code for headers in told]
            twice = await client.post(url, json={}, headers=[(FROM, "DE"), (FROM, "FR")])
            problem_in(twice, 403, "not_in_your_country")
            signed_in = [await play(client, lesson, headers=hers | each) for each in ({FROM: "DE"}, {FROM: "FR"})]
            answers += [answer.status_code for answer in signed_in]

    assert answers == [200, 200, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403, 403, 403, 403, 200]


async def test_nobody_but_a_trusted_proxy_says_from_where_one_comes(service: Service, trailer: Any) -> None:
    async with behind(service, "10.0.0.5", allowed=frozenset({"DE"})) as client:
        refused = await client.post(f"/v1/videos/{trailer['id']}/playback", json={}, headers={FROM: "DE"})

    problem_in(refused, 403, "not_in_your_country")


async def test_who_may_not_watch_is_shown_the_beginning(service: Service, anna: Person, lesson: Any) -> None:
    hers = {"Authorization": anna.http.headers["Authorization"]}
    async with with_playback(service, "127.0.0.1", preview_seconds=1) as client:
        preview = problem_in(await play(client, lesson, headers=hers), 402, "subscription_required")["preview"]
        media = httpx.URL(preview["url"]).path
        answers = [await client.get(media), await client.get(media.replace("master", "240p/index"))]
        problem_in(await client.get(media.replace("master.m3u8", "storyboard/index.vtt")), 403, "media_refused")

    assert set(preview) == {"url", "token", "expires_at", "seconds"}
    assert preview["expires_at"].endswith("Z")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["cache-control"] == "private, no-cache"
    problem_in(await service.public.get(media), 403, "media_refused")


async def test_nobody_beats_or_ends_somebody_elses(anna: Person, subscriber: Person, lesson: Any) -> None:
    session = f"/v1/playback/{(await play(subscriber.http, lesson)).json()['session_id']}"

    problem_in(await anna.http.post(f"{session}/heartbeat", json={"position_seconds": 2}), 403, "session_ended")
    problem_in(await anna.http.delete(session), 404, "not_found")
    assert (await subscriber.http.post(f"{session}/heartbeat", json={"position_seconds": 2})).status_code == 204


async def test_the_address_is_good_for_nothing_else(
    service: Service, subscriber: Person, lesson: Any, trailer: Any
) -> None:
    url = (await play(subscriber.http, lesson)).json()["url"]
    base, _, name = url.rpartition("/")

    for other in (
        url.replace(lesson["id"], trailer["id"]),
        url.replace("/media/", "/media/x"),
        f"{base}/nothing.m3u8",
        f"{base}/processed.json",
        f"{base}/..%2f..%2f{name}",
        f"{base}/%2e%2e/{name}",
        f"{base}/240p/..%2fmaster.m3u8",
    ):
        answer = await service.public.get(other)
        assert answer.status_code in {403, 404}, other


@pytest.mark.parametrize("position", ["-1", "1e400", '"1"', "null", "1000000000", "NaN", "[]"])
async def test_a_heartbeat_says_a_second_of_the_video(subscriber: Person, lesson: Any, position: str) -> None:
    session = f"/v1/playback/{(await play(subscriber.http, lesson)).json()['session_id']}"
    body = f'{{"position_seconds": {position}}}'.encode()

    answer = await subscriber.http.post(
        f"{session}/heartbeat", content=body, headers={"Content-Type": "application/json"}
    )

    problem_in(answer, 400, "malformed_body")


async def test_a_plan_up_to_a_height_is_shown_no_taller_rendition(
    service: Service, admin: Person, anna: Person, tmp_path: Path
) -> None:
    taller = tmp_path / "taller.mp4"
    make_clip(ffmpeg(), taller, seconds=2, height=480)
    video = await service.published_video(admin, taller.read_bytes())
    await service.subscribe(anna, await service.plan_on_sale(admin, max_height=240))

    playback = (await anna.http.post(f"/v1/videos/{video['id']}/playback", json={})).json()
    master = await service.public.get(playback["url"])

    assert [rendition["height"] for rendition in video["renditions"]] == [240, 480]
    assert ("240p/index.m3u8" in master.text, "480p" in master.text) == (True, False)
    folder = playback["url"].removesuffix("master.m3u8")
    listed = (await service.public.get(f"{folder}240p/index.m3u8")).text
    names = re.findall(r"^(?:#EXT-X-MAP:URI=\")?([a-z0-9_]+\.(?:mp4|m4s))", listed, re.MULTILINE)
    assert len(names) == 2
    for name in ("index.m3u8", *names):
        assert (await service.public.get(f"{folder}240p/{name}")).status_code == 200
    for name in ("index.m3u8", *names, "init_0.mp4", "init_1.mp4"):
        assert (await service.public.get(f"{folder}480p/{name}")).status_code == 403
        assert (await service.public.get(f"{folder}240p/..%2f480p/{name}")).status_code in {403, 404}
