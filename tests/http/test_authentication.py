"""Who may come in, and what those hear who may not."""

import httpx
import pytest

from tests.http.problem import problem_in
from tests.http.small_app import AS_ADMIN, AS_VIEWER

pytestmark = pytest.mark.anyio


async def test_a_stranger_is_asked_to_sign_in(small: httpx.AsyncClient) -> None:
    answer = await small.get("/v1/tickets")

    problem_in(answer, 401, "not_signed_in")
    assert answer.headers["www-authenticate"] == 'Bearer realm="streamly"'


@pytest.mark.parametrize(
    "header",
    ["", "viewer", "Basic viewer", "Bearer", "Bearer ", "Bearer  viewer", "Bearer " + "x" * 5000, "Token viewer"],
)
async def test_another_scheme_or_shape_is_no_token(small: httpx.AsyncClient, header: str) -> None:
    problem_in(await small.get("/v1/tickets", headers={"Authorization": header}), 401, "invalid_token")


async def test_a_token_counts_in_its_header_alone(small: httpx.AsyncClient) -> None:
    """So no page of another's can have a browser bring it along, and none stands in an address."""
    named = ("access_token", "token", "authorization", "Authorization")
    asked = [await small.get("/v1/tickets", headers={"Cookie": f"{name}=viewer"}) for name in named]
    asked += [
        await small.get("/v1/tickets", params={name: value}) for name in named for value in ("viewer", "Bearer viewer")
    ]
    asked.append(
        await small.get("/v1/tickets", headers={"X-Access-Token": "viewer", "Proxy-Authorization": "Bearer viewer"})
    )

    for answer in asked:
        problem_in(answer, 401, "not_signed_in")


async def test_a_bad_token_is_refused_also_where_none_is_needed(small: httpx.AsyncClient) -> None:
    problem_in(await small.get("/v1/greeting", headers={"Authorization": "Bearer stale"}), 401, "invalid_token")
    assert (await small.get("/v1/greeting")).json() == {"role": None}
    assert (await small.get("/v1/greeting", headers=AS_VIEWER)).json() == {"role": "viewer"}


async def test_the_scheme_is_spelt_as_one_likes(small: httpx.AsyncClient) -> None:
    assert (await small.get("/v1/tickets", headers={"Authorization": "bEARER viewer"})).status_code == 200


async def test_a_role_opens_what_is_for_it_alone(small: httpx.AsyncClient) -> None:
    body = {"film": "Nosferatu"}

    problem_in(await small.post("/v1/screens", json=body, headers=AS_VIEWER), 403, "not_allowed")
    assert (await small.post("/v1/screens", json=body, headers=AS_ADMIN)).status_code == 201


async def test_strangers_and_the_wrong_role_learn_nothing_of_their_body(small: httpx.AsyncClient) -> None:
    problem_in(await small.post("/v1/screens", content=b"{"), 401, "not_signed_in")
    problem_in(await small.post("/v1/screens", content=b"{", headers=AS_VIEWER), 403, "not_allowed")
    problem_in(await small.post("/v1/screens", content=b"{", headers=AS_ADMIN), 400, "malformed_body")


async def test_what_methods_there_are_is_no_secret(small: httpx.AsyncClient) -> None:
    assert (await small.options("/v1/screens")).headers["allow"] == "OPTIONS, POST"
