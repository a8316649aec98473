"""No body makes a 500: each gets a problem that says what is wrong with it, by field where there is one."""

import httpx
import pytest

from tests.http.problem import problem_in
from tests.http.small_app import AS_VIEWER

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
GOOD = b'{"film": "Nosferatu", "seats": 2}'


async def buy(small: httpx.AsyncClient, body: bytes, headers: dict[str, str] = JSON) -> httpx.Response:
    return await small.post("/v1/tickets", content=body, headers=AS_VIEWER | headers)


@pytest.mark.parametrize("seats", [b"2.0", b"2e0", b"0.2e1"])
async def test_an_integer_may_be_spelt_in_some_ways(small: httpx.AsyncClient, seats: bytes) -> None:
    body = b'{"film": "Nosferatu", "seats": ' + seats + b', "guests": ["Ben"], "extra": {"a": [0.5]}}'

    answer = await buy(small, body)

    assert answer.json() == {"film": "Nosferatu", "seats": 2, "guests": ["Ben"], "extra": {"a": [0.5]}}


async def test_what_is_no_json_behind_such_an_integer_is_malformed(small: httpx.AsyncClient) -> None:
    problem_in(await buy(small, b'{"seats": 2.0, "extra": ' + b'{"a":' * 50_000), 400, "malformed_body")
    problem_in(await buy(small, b'{"seats": 2.0, "film": '), 400, "malformed_body")


async def test_a_good_body_is_taken(small: httpx.AsyncClient) -> None:
    answer = await buy(small, GOOD)

    assert answer.status_code == 201
    assert answer.json() == {"film": "Nosferatu", "seats": 2, "guests": [], "extra": {}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"   ", id="blank"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"not json", id="words"),
        pytest.param(GOOD + b"x", id="something after it"),
        pytest.param(GOOD + GOOD, id="twice"),
        pytest.param(b'{"film": "Nosferatu", "seats": 1, "seats": 2}', id="a name twice"),
        pytest.param(b'{"film": "Nosferatu", "\\u0066ilm": "Nosferatu"}', id="a name twice, spelt otherwise"),
        pytest.param(b'{"film": "Nosferatu", "extra": {"a": [{"b": 1, "b": 1}]}}', id="a name twice, deep down"),
        pytest.param(b'{"film": "\xff"}', id="no utf-8"),
        pytest.param(b'{"film": "\\ud800"}', id="half a surrogate pair"),
        pytest.param(b'{"film": "Nosferatu", "seats": NaN}', id="not a number"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="a byte order mark"),
        pytest.param(b'{"film": "Nosferatu", "extra": {"a": ' + b"[" * 100_000, id="deeper than Python goes"),
        pytest.param(b'{"film": "Nosferatu", "extra": ' + b'{"a":' * 50_000, id="deep objects"),
    ],
)
async def test_what_is_no_json_is_malformed(small: httpx.AsyncClient, body: bytes) -> None:
    problem_in(await buy(small, body), 400, "malformed_body")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(b"[]", "", id="a list"),
        pytest.param(b"null", "", id="null"),
        pytest.param(b"{}", "film", id="a field missing"),
        pytest.param(b'{"film": 7}', "film", id="a number for text"),
        pytest.param(b'{"film": ""}', "film", id="too short"),
        pytest.param(b'{"film": "123456789012345678901"}', "film", id="too long"),
        pytest.param(b'{"film": "Nosfe\\u0000ratu"}', "film", id="NUL"),
        pytest.param(b'{"film": "Nosferatu", "seats": "2"}', "seats", id="text for a number"),
        pytest.param(b'{"film": "Nosferatu", "seats": 2.5}', "seats", id="a fraction"),
        pytest.param(b'{"film": "Nosferatu", "seats": 0.0}', "seats", id="too small, with a point"),
        pytest.param(b'{"film": "Nosferatu", "seats": 1e300}', "seats", id="a huge number, with an exponent"),
        pytest.param(b'{"film": 7.0, "seats": 2.0}', "film", id="a number for text, beside one with a point"),
        pytest.param(b'{"seats": 2.0, "film": 7.0}', "film", id="the other way round"),
        pytest.param(b'{"film": "Nosferatu", "seats": true}', "seats", id="a truth"),
        pytest.param(b'{"film": "Nosferatu", "seats": -1}', "seats", id="too small"),
        pytest.param(b'{"film": "Nosferatu", "seats": 1' + b"0" * 5000 + b"}", "seats", id="a huge number"),
        pytest.param(b'{"film": "Nosferatu", "guests": ["Ben", 7]}', "guests[1]", id="deep inside"),
        pytest.param(b'{"film": "Nosferatu", "role": "admin"}', "role", id="a field that there is not"),
    ],
)
async def test_what_does_not_fit_is_named(small: httpx.AsyncClient, body: bytes, field: str) -> None:
    problem = problem_in(await buy(small, body), 400, "malformed_body")

    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json; charset=latin-1", "é"],
)
async def test_only_json_is_taken(small: httpx.AsyncClient, content_type: str) -> None:
    given = {b"authorization": b"Bearer viewer", b"content-type": content_type.encode()}

    problem_in(await small.post("/v1/tickets", content=GOOD, headers=given), 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8", None])
async def test_json_may_be_spelt_in_some_ways(small: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}

    assert (await buy(small, GOOD, headers)).status_code == 201


async def test_a_body_that_may_be_left_out_may_be_left_out(small: httpx.AsyncClient) -> None:
    assert (await small.post("/v1/notes")).json() == {"text": None}


async def test_a_body_longer_than_the_limit_is_refused(small: httpx.AsyncClient) -> None:
    problem_in(await buy(small, b" " * 1_000_001), 413, "body_too_large")
    assert (await buy(small, b" " * (1_000_000 - len(GOOD)) + GOOD)).status_code == 201


async def test_a_raw_body_has_the_same_limit(small: httpx.AsyncClient) -> None:
    assert (await small.post("/v1/raw", content=b"x" * 1_000_000)).json() == {"bytes": 1_000_000}
    problem_in(await small.post("/v1/raw", content=b"x" * 1_000_001), 413, "body_too_large")
