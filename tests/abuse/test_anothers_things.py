"""What belongs to somebody else: sign-ins, films in play, subscriptions, checkouts, and the files of a film."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.abuse.running import Person, Service, bearer, until
from tests.abuse.things import (
    access_of,
    opened_checkout,
    pay,
    play,
    shared_film,
    shared_plan,
    shared_trailer,
    subscribe,
    subscription_of,
)
from tests.abuse.volley import Shot, volley
from tests.http.problem import problem_in

pytestmark = pytest.mark.anyio

NOBODYS = "0b0d7a52-6f5b-4c53-9d51-5d1a0f6d7f11"
NAMED = "a body that names the subscription"
PLACES = (
    "/static/hls/{id}/master.m3u8",
    "/media/{id}/master.m3u8",
    "/media//{id}/master.m3u8",
    "/media/x/{id}/master.m3u8",
    "/media/{id}/{id}/master.m3u8",
    "/media/x/{id}/poster.jpg",
    "/media/x/{id}/240p/segment00000.m4s",
    "/media/x/{id}/en.vtt",
    "/media/x/{id}/enc.key",
    "/media/x/{id}/..%2f..%2f{id}%2fmaster.m3u8",
    "/media/x/%2e%2e/video/{id}/master.m3u8",
    "/uploads/{id}",
    "/uploads/x/{id}",
    "/video/{id}/source",
    "/var/video/{id}/source",
    "/..%2fvar%2fvideo%2f{id}",
)

FOREIGN = (
    "https://evil.example/thanks",
    "//evil.example",
    "{ours}@evil.example/",
    "{ours}.evil.example/",
    "https://ok@evil.example",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/",
    "http://[::1]:{port}/",
    "http://2130706433:{port}/",
    "http://0.0.0.0:{port}/",
    "http://169.254.169.254/latest/meta-data",
    "http://localhost.evil.example/",
    "/relative",
)


async def said_to(person: Person, method: str, path: str, body: Any, thing: str) -> tuple[int, Any]:
    """The status and the problem about a thing, but for the address that it repeats."""
    named = {"subscription_id": thing} if body == NAMED else body
    answer = await person.http.request(method, path, json=named)
    problem = answer.json()
    problem.pop("instance")
    return answer.status_code, problem


@pytest.mark.abuse("AB-08")
async def test_what_is_anothers_is_answered_like_what_there_is_not(service: Service) -> None:
    anna, boris = await service.sign_up(), await service.sign_up()
    await subscribe(service, anna)
    signed_in = (await anna.http.get("/v1/me/sessions")).json()["items"][0]["id"]
    playing = (await play(anna.http, await shared_film(service))).json()["session_id"]
    hers = (await subscription_of(anna))["id"]

    for method, path, thing, body in (
        ("DELETE", "/v1/me/sessions/{}", signed_in, None),
        ("DELETE", "/v1/playback/{}", playing, None),
        ("POST", "/v1/playback/{}/heartbeat", playing, {"position_seconds": 1}),
        ("POST", "/v1/me/subscription/cancel", hers, NAMED),
        ("POST", "/v1/me/subscription/resume", hers, NAMED),
        ("GET", "/v1/admin/accounts/{}", anna.id, None),
        ("GET", "/v1/audit/accounts/{}/timeline", anna.id, None),
    ):
        refused, unknown = [await said_to(boris, method, path.format(each), body, each) for each in (thing, NOBODYS)]
        assert refused == unknown
        assert refused[0] in {403, 404}, refused
    beat = await anna.http.post(f"/v1/playback/{playing}/heartbeat", json={"position_seconds": 1})
    assert beat.status_code == 204, beat.text
    assert (await access_of(anna))[0]
    for mine in ("/v1/me/payments", "/v1/me/subscriptions"):
        assert (await boris.http.get(mine, params={"account": anna.id})).json()["items"] == []


@pytest.mark.abuse("AB-09")
async def test_a_film_is_shown_to_who_has_paid_as_long_as_that_lasts(service: Service) -> None:
    anna, boris = await service.sign_up(), await service.sign_up()
    film, trailer = await shared_film(service), await shared_trailer(service)
    problem_in(await play(service.public, film), 401, "not_signed_in")
    problem_in(await play(boris.http, film), 402, "subscription_required")
    await subscribe(service, anna)
    played = (await play(anna.http, film)).json()
    assert (await boris.http.get(played["url"])).status_code == 200

    asked = await service.public.post(f"/v1/videos/{film['id']}/playback", json={}, headers=bearer(played["token"]))
    problem_in(asked, 401, "invalid_token")
    started = (await play(boris.http, trailer)).json()
    for url in (started["url"].replace(trailer["id"], film["id"]), played["url"].replace(film["id"], trailer["id"])):
        assert (await boris.http.get(url)).status_code == 403

    await anna.http.post("/v1/me/subscription/cancel", json={"at_period_end": False})

    async def stopped() -> bool:
        return (await anna.http.get(played["url"])).status_code == 403

    await until(stopped, seconds=5)
    problem_in(await play(anna.http, film), 402, "subscription_required")


@pytest.mark.abuse("AB-10")
async def test_no_file_of_a_film_lies_where_one_can_guess_it(service: Service) -> None:
    film = await shared_film(service)
    client: httpx.AsyncClient
    for client in (service.public, (await service.sign_up()).http):
        for place in PLACES:
            for headers in ({}, {"Range": "bytes=0-99"}):
                answer = await client.get(place.format(id=film["id"]), headers=headers)
                assert answer.status_code in {400, 401, 403, 404, 405}, place
                assert answer.headers["content-type"].startswith("application/problem+json"), place


@pytest.mark.abuse("AB-12")
@pytest.mark.abuse("AB-39")
async def test_nobody_is_sent_and_nothing_is_fetched_where_somebody_else_says(service: Service) -> None:
    """These two are the only fields in which there is an address."""
    anna, plan = await service.sign_up(), await shared_plan(service)
    hers = {"authorization": anna.http.headers["authorization"]}
    visits: list[object] = []

    def visited(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(writer)
        writer.close()

    async with await asyncio.start_server(visited, "127.0.0.1") as listener:
        port = listener.sockets[0].getsockname()[1]
        urls = [url.format(ours=service.at.address, port=port) for url in FOREIGN]
        shots = [
            Shot("POST", "/v1/checkout", {"plan_id": plan["id"], field: url}, hers)
            for url in urls
            for field in ("success_url", "cancel_url")
        ]
        for answer in await volley(service.at, shots):
            problem_in(answer, 422, "return_url_not_allowed")
    unknown = {"plan_id": plan["id"], "callback_url": f"{service.at.address}/checkout/success"}
    problem_in(await anna.http.post("/v1/checkout", json=unknown), 400, "malformed_body")
    assert visits == []


@pytest.mark.abuse("AB-11")
async def test_what_somebody_else_has_paid_is_nobody_elses(service: Service) -> None:
    anna, boris = await service.sign_up(), await service.sign_up()
    checkout = await opened_checkout(anna, await shared_plan(service))
    await pay(service, checkout)

    for known in (checkout["id"], checkout["url"].rpartition("/")[2]):
        for path in (f"/v1/checkout/sessions/{known}", f"/v1/checkout/{known}"):
            assert (await boris.http.get(path)).status_code == 404
        for path in ("/v1/checkout/claim", f"/v1/checkout/{known}/claim"):
            assert (await boris.http.post(path, json={"session_id": known})).status_code == 404
        assert (await boris.http.get("/checkout/success", params={"session_id": known})).status_code == 200
    await service.settled()

    assert await access_of(boris) == (False, "no_subscription")
    assert await access_of(anna) == (True, "subscription")
