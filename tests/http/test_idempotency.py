"""Asked again under the same key it is done once, and answered the same."""

import asyncio
from typing import Any

import httpx
import pytest

from application.errors import DatabaseUnavailable
from tests.http.problem import problem_in
from tests.http.small_app import AS_VIEWER, ORDERED, client_of, small_app

pytestmark = pytest.mark.anyio


def under(key: str, **more: str) -> dict[str, str]:
    return {**AS_VIEWER, "Idempotency-Key": key, **more}


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """One that no other test uses."""
    return str(request.node.name)


async def ordered(small: httpx.AsyncClient, key: str, film: str = "Nosferatu", **more: str) -> httpx.Response:
    return await small.post("/v1/orders", json={"film": film}, headers=under(key, **more))


async def test_the_second_answer_is_the_first(small: httpx.AsyncClient, key: str) -> None:
    first, second = await ordered(small, key), await ordered(small, key, **{"X-Request-ID": "the-second"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    for name in ("content-type", "ledger-position", "content-length", "cache-control"):
        assert second.headers[name] == first.headers[name]
    assert second.headers["x-request-id"] == "the-second"
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_without_a_key_it_is_done_each_time(small: httpx.AsyncClient) -> None:
    body = {"film": "Nosferatu"}
    one = await small.post("/v1/orders", json=body, headers=AS_VIEWER)
    other = await small.post("/v1/orders", json=body, headers=AS_VIEWER)

    assert one.json()["id"] != other.json()["id"]


async def test_another_body_under_the_same_key_is_refused(small: httpx.AsyncClient, key: str) -> None:
    await ordered(small, key)

    problem_in(await ordered(small, key, "Metropolis"), 422, "idempotency_key_reused")


async def test_a_key_is_its_path_s_alone(small: httpx.AsyncClient, key: str) -> None:
    await ordered(small, key)

    again = await small.post("/v1/orders/", json={"film": "Metropolis"}, headers=under(key))
    other = await small.post("/v1/tickets", json={"film": "Metropolis"}, headers=under(key))

    problem_in(again, 422, "idempotency_key_reused")
    assert other.status_code == 201


async def test_while_it_is_under_way_the_others_are_told_so(small: httpx.AsyncClient, key: str) -> None:
    before = len(ORDERED)

    answers = await asyncio.gather(*(ordered(small, key, "slow") for _ in range(50)))
    later = await ordered(small, key, "slow")

    [done] = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer is not done]
    for answer in waiting:
        problem_in(answer, 409, "request_in_progress")
        assert answer.headers["retry-after"] == "1"
    assert len(waiting) == 49
    assert later.content == done.content
    assert ORDERED[before:] == ["slow"]


async def test_a_refusal_is_kept_like_any_other_answer(small: httpx.AsyncClient, key: str) -> None:
    before = len(ORDERED)

    first, second = await ordered(small, key, "taken"), await ordered(small, key, "taken")

    problem_in(first, 409, "email_taken")
    problem_in(second, 409, "email_taken")
    assert len(ORDERED) == before + 1


@pytest.mark.parametrize(("film", "status"), [("broken", 500), ("moved", 409)])
async def test_what_says_try_again_may_be_tried_again(
    small: httpx.AsyncClient, key: str, film: str, status: int
) -> None:
    before = len(ORDERED)

    answers = [await ordered(small, key, film) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status] * 3
    assert len(ORDERED) == before + 3
    problem_in(await ordered(small, key, "Nosferatu"), 422, "idempotency_key_reused")


async def test_who_may_not_and_what_cannot_be_read_uses_no_key_up(small: httpx.AsyncClient, key: str) -> None:
    stranger = await small.post("/v1/orders", json={"film": "Nosferatu"}, headers={"Idempotency-Key": key})
    malformed = await small.post("/v1/orders", json={"film": 1}, headers=under(key))
    not_json = await small.post("/v1/orders", content=b"film", headers=under(key, **{"Content-Type": "text/plain"}))

    problem_in(stranger, 401, "not_signed_in")
    problem_in(malformed, 400, "malformed_body")
    problem_in(not_json, 415, "unsupported_media_type")
    assert (await ordered(small, key)).status_code == 201


@pytest.mark.parametrize("bad", ["", "k" * 256])
async def test_a_key_has_1_to_255_characters(small: httpx.AsyncClient, bad: str) -> None:
    body = problem_in(await ordered(small, bad), 400, "invalid_parameter")

    assert body["errors"][0]["field"] == "Idempotency-Key"
    assert (await ordered(small, "k" * 255)).status_code == 201


async def test_two_keys_are_none(small: httpx.AsyncClient, key: str) -> None:
    headers = [*AS_VIEWER.items(), ("Idempotency-Key", key), ("Idempotency-Key", f"{key} 2")]

    problem_in(await small.post("/v1/orders", json={"film": "x"}, headers=headers), 400, "invalid_parameter")


async def test_what_is_not_declared_takes_no_notice_of_a_key(small: httpx.AsyncClient, key: str) -> None:
    one = await small.post("/v1/tickets", json={"film": "Nosferatu"}, headers=under(key))
    other = await small.post("/v1/tickets", json={"film": "Metropolis"}, headers=under(key))

    assert (one.status_code, other.json()["film"]) == (201, "Metropolis")


async def test_an_attempt_that_fell_through_leaves_its_seed_to_the_next(key: str) -> None:
    """What it may have made by then has the ids that the next attempt gives it."""
    app = small_app()
    async with client_of(app) as small:
        kept: Any = app.state["kept_answers"]
        seeds = []
        begin = kept.begin

        async def noted(*given: Any, **named: Any) -> Any:
            begun = await begin(*given, **named)
            seeds.append(begun.seed)
            return begun

        kept.begin = noted
        for _ in range(2):
            await ordered(small, key, "broken")

    assert len(seeds) == 2
    assert seeds[0] == seeds[1]


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same(key: str, caplog: pytest.LogCaptureFixture) -> None:
    app = small_app()
    async with client_of(app) as small:
        kept: Any = app.state["kept_answers"]

        async def away(*_: object) -> None:
            raise DatabaseUnavailable("The database does not answer now.")

        kept.keep = away
        assert (await ordered(small, key)).status_code == 201
        problem_in(await ordered(small, key), 409, "request_in_progress")
    assert "an answer could not be kept" in caplog.text
