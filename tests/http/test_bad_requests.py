"""No address, parameter or header makes a 500 either."""

import httpx
import pytest

from tests.http.problem import problem_in
from tests.http.small_app import ANNA, AS_VIEWER

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("cursor=" + "x" * 513, "cursor"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(small: httpx.AsyncClient, query: str, field: str) -> None:
    problem = problem_in(await small.get(f"/v1/tickets?{query}", headers=AS_VIEWER), 400, "invalid_parameter")

    assert [error["field"] for error in problem["errors"]] == [field]
    assert query not in problem["detail"]


@pytest.mark.parametrize("query", ["unknown=1", "limit=%31", "%ff=%fe", "%00", "limit=5&limit=6", "&&==&"])
async def test_parameters_that_there_are_not_are_ignored(small: httpx.AsyncClient, query: str) -> None:
    assert (await small.get(f"/v1/tickets?{query}", headers=AS_VIEWER)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/tickets", "/v1/tickets/7", f"/v1/tickets/{ANNA}/more", "/schema/x"])
async def test_an_address_that_there_is_not_is_not_found(small: httpx.AsyncClient, path: str) -> None:
    problem_in(await small.get(path, headers=AS_VIEWER), 404, "not_found")


@pytest.mark.parametrize("path", ["/v1/tickets/%00", "/%00", "/v1/tickets/%ff"])
async def test_a_path_that_is_no_text_is_malformed(small: httpx.AsyncClient, path: str) -> None:
    problem_in(await small.get(path, headers=AS_VIEWER), 400, "malformed_request")


async def test_an_address_that_does_not_end_is_refused(small: httpx.AsyncClient) -> None:
    problem_in(await small.get("/v1/" + "a" * 5000), 414, "address_too_long")
    problem_in(await small.get("/v1/tickets?a=" + "b" * 9000), 414, "address_too_long")


async def test_too_many_headers_are_refused(small: httpx.AsyncClient) -> None:
    problem_in(await small.get("/v1/greeting", headers={f"X-{n}": "1" for n in range(120)}), 431, "headers_too_large")
    problem_in(await small.get("/v1/greeting", headers={"X-Long": "1" * 40_000}), 431, "headers_too_large")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND"])
async def test_a_method_that_there_is_not_is_told_which_there_are(small: httpx.AsyncClient, method: str) -> None:
    answer = await small.request(method, "/v1/tickets", headers=AS_VIEWER)

    problem_in(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, OPTIONS, POST"


async def test_options_names_every_method_of_the_address(small: httpx.AsyncClient) -> None:
    answer = await small.options("/v1/tickets")

    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, OPTIONS, POST")


async def test_a_method_is_not_overridden_by_a_header(small: httpx.AsyncClient) -> None:
    answer = await small.get("/v1/tickets", headers=AS_VIEWER | {"X-HTTP-Method-Override": "DELETE"})

    assert answer.status_code == 200
