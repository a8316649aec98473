"""What belongs to somebody else: sign-ins, films in play, subscriptions, checkouts, and the files of a film."""

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
