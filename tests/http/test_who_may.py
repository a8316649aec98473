"""Every route with every role, and with nobody: the guards do what the one table says, and no route is missing."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.routes import ASGIRoute, HTTPRoute

from entrypoints.http.app import create_app
from tests.http.problem import problem_in
from tests.http.running import Person, Service
from tests.http.who_may import ANYBODY, ROLES, WHO_MAY

pytestmark = pytest.mark.anyio

PARAMETER = re.compile(r"{(\w+)}")
TEXTS = {"token": "none", "path": "index.m3u8", "name": "none.js"}
DISGUISES = ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method")


@pytest.fixture(scope="module")
async def people(service: Service) -> dict[str, httpx.AsyncClient]:
    """One of each role, and a stranger."""
    signed_in = {role: (await service.sign_up(role)).http for role in ROLES}
    return {"stranger": service.public, **signed_in}


def routes_of(app: Litestar) -> set[str]:
    """Every method of every address that there is."""
    http = {
        f"{method} {route.path_format}"
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.route_handler_map
        if method not in {"OPTIONS", "HEAD"}
    }
    direct = {f"POST {route.path}" for route in app.routes if isinstance(route, ASGIRoute)}
    return http | direct


def asked(route: str) -> tuple[str, str]:
    """The method, and an address at which there is nothing."""
    method, path = route.split(" ")
    return method, PARAMETER.sub(lambda found: TEXTS.get(found[1], str(uuid4())), path)


def refusal_in(answer: httpx.Response) -> str | None:
    """Of a guard's own words; what a use case refuses is no matter of roles."""
    if answer.status_code not in {401, 403}:
        return None
    code = str(answer.json().get("code"))
    return code if code in {"not_signed_in", "not_allowed"} else None


async def test_the_table_knows_every_route_and_no_other(service: Service) -> None:
    routes = routes_of(create_app(service.house))

    assert routes - set(WHO_MAY) == set()
    assert set(WHO_MAY) - routes == set()


async def test_whatever_answers_head_is_for_anybody_and_answers_get(service: Service) -> None:
    """The table does not name it: it is answered as GET is, or as PUT where a link is the leave; nobody signs in."""
    routes = [route for route in create_app(service.house).routes if isinstance(route, HTTPRoute)]
    answer = {route.path_format for route in routes if "HEAD" in route.route_handler_map}

    upload = "/uploads/{token}/{video_id}"
    assert answer == {"/health/live", "/health/ready", "/metrics", "/media/{token}/{video_id}/{path}", upload}
    assert {WHO_MAY[f"GET {path}"] for path in answer - {upload}} | {WHO_MAY[f"PUT {upload}"]} == {ANYBODY}


@pytest.mark.parametrize("route", sorted(WHO_MAY))
async def test_who_may_does_and_who_may_not_is_refused(people: dict[str, httpx.AsyncClient], route: str) -> None:
    method, path = asked(route)
    # A body that is not as documented: whoever is let in is told so, and nothing is done.
    body: dict[str, Any] = {"json": {"no such field": True}} if method in {"POST", "PUT", "PATCH"} else {}
    refused = {
        who: refusal_in(await client.request(method, path, **body, timeout=40)) for who, client in people.items()
    }

    may = WHO_MAY[route]
    expected = {who: None if who in may else "not_signed_in" if who == "stranger" else "not_allowed" for who in people}
    assert refused == expected


@pytest.mark.parametrize("route", [route for route, may in sorted(WHO_MAY.items()) if may == ("admin",)])
async def test_no_spelling_and_no_header_lets_a_viewer_in(people: dict[str, httpx.AsyncClient], route: str) -> None:
    method, path = asked(route)
    viewer = people["viewer"]
    spelt = [
        f"{path}/",
        path.replace("/admin", "//admin"),
        path.replace("/admin", "/%61dmin"),
        f"{path};x",
        f"{path}%2f",
    ]

    answers = [await viewer.request(method, each) for each in spelt]
    answers += [await viewer.get("/v1/me", headers={name: method}) for name in DISGUISES]

    assert {answer.status_code for answer in answers[: len(spelt)]} <= {403, 404, 405}
    assert {answer.status_code for answer in answers[len(spelt) :]} == {200}


async def test_support_finds_and_reads_and_changes_nothing(service: Service, anna: Person, admin: Person) -> None:
    support = (await service.sign_up("support")).http
    account = f"/v1/admin/accounts/{anna.account_id}"
    await admin.http.post(f"{account}/grants", json={"until": "2099-01-01T00:00:00Z", "reason": "too late"})
    given = {"until": "2027-06-01T00:00:00Z", "reason": "the outage", "features": ["hd"]}
    granted = (await admin.http.post(f"{account}/grants", json=given)).json()
    blocked = (await admin.http.post(f"{account}/blocks", json={"reason": "chargebacks"})).json()

    [found] = (await support.get("/v1/admin/accounts", params={"email": anna.email.upper()})).json()["items"]
    read = (await support.get(account)).json()

    assert (found["id"], found["email"], found["role"], found["disabled"]) == (
        str(anna.account_id),
        anna.email,
        "viewer",
        False,
    )
    assert read == found | {"customers": {}, "further_customers": {}, "grants": [granted], "blocks": [blocked]}
    assert (await support.get("/v1/admin/accounts", params={"email": "nobody@example.com"})).json()["items"] == []
    assert (await support.get("/v1/admin/accounts", params={"phone": "+48600100200"})).json()["items"] == []
    problem_in(await support.get(f"/v1/admin/accounts/{uuid4()}"), 404, "not_found")
    problem_in(await support.put(f"{account}/role", json={"role": "admin"}), 403, "not_allowed")


async def test_the_list_is_in_pages_the_newest_first(service: Service, admin: Person) -> None:
    made = [(await service.sign_up()).email for _ in range(3)]
    at = {"Ledger-Position": str(await service.house.records.ledger.head())}

    first = (await admin.http.get("/v1/admin/accounts", params={"limit": 2}, headers=at)).json()
    rest = (await admin.http.get("/v1/admin/accounts", params={"limit": 1, "cursor": first["next_cursor"]})).json()

    assert [item["email"] for item in [*first["items"], *rest["items"]]] == made[::-1]


async def test_an_admin_gives_roles_and_shuts_out(service: Service, admin: Person, anna: Person) -> None:
    account = f"/v1/admin/accounts/{anna.account_id}"

    given = await admin.http.put(f"{account}/role", json={"role": "auditor"})
    assert (given.status_code, given.json()["role"]) == (200, "auditor")
    assert given.headers["ledger-position"]
    assert (await anna.http.get("/v1/audit/events")).status_code == 200

    disabled = await admin.http.post(f"{account}/disable", json={"reason": "fraud"})
    assert (disabled.status_code, disabled.json()["disabled"]) == (200, True)
    assert (await anna.http.get("/v1/me")).status_code == 401

    enabled = await admin.http.post(f"{account}/enable")
    assert (enabled.status_code, enabled.json()["disabled"]) == (200, False)
    problem_in(await admin.http.put(f"{account}/role", json={"role": "king"}), 400, "malformed_body")
    problem_in(await admin.http.put(f"/v1/admin/accounts/{uuid4()}/role", json={"role": "admin"}), 404, "not_found")
