"""What a role may not do however it is spelt, what nobody says of themselves, and that the first admin is made once."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import psycopg
import pytest

from tests.abuse.running import PASSWORD, Service, new_number
from tests.abuse.volley import Shot, volley
from tests.cli.running import command_on
from tests.http.problem import problem_in
from tests.http.who_may import ADMINS, CHECKS, LOOKS_AFTER, WHO_MAY

pytestmark = pytest.mark.anyio

PARAMETER = re.compile(r"{\w+}")
DISGUISES = ("x-http-method-override", "x-http-method")
OF_OTHERS = {
    "role": "admin",
    "is_admin": True,
    "id": str(uuid4()),
    "created_at": "2020-01-01T00:00:00Z",
    "phone": "+48600100200",
}
MORE_OF_OTHERS = ("email_verified", "disabled", "wallet_balance", "entitlements", "stripe_customer_id", "tenant_id")
FIELDS = OF_OTHERS | dict.fromkeys(MORE_OF_OTHERS, 1)


def closed(*to: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The routes for these alone: the method, and an address at which there is nothing."""
    for route, may in sorted(WHO_MAY.items()):
        if may in to:
            method, path = route.split(" ")
            yield method, PARAMETER.sub(str(uuid4()), path)


def spellings(path: str) -> list[str]:
    doubled, encoded, dotted = (path.replace("/v1/", f"/v1/{more}") for more in ("/", "%2f", "me/%2e%2e/"))
    return [f"{path}/", doubled, encoded, dotted, f"{path};x", f"{path}%2f", path.replace("/v1", "/V1")]


@pytest.mark.abuse("AB-29")
async def test_no_spelling_no_verb_and_no_header_opens_what_a_role_may_not(service: Service) -> None:
    viewer = (await service.sign_up()).http
    headers = {"authorization": viewer.headers["authorization"]}
    routes = list(closed(ADMINS, CHECKS, LOOKS_AFTER))
    plain = [Shot(method, path, {}, headers) for method, path in routes for _ in range(service.at.api_processes)]
    for answer in await volley(service.at, plain):
        problem_in(answer, 403, "not_allowed")

    for method, path in routes:
        answers = [await viewer.request(method, spelt, json={}) for spelt in spellings(path)]
        answers += [await viewer.request(verb, path) for verb in ("HEAD", "TRACE", "PROPFIND")]
        answers += [await viewer.post(path, json={}, headers={name: method}) for name in DISGUISES]
        assert {answer.status_code for answer in answers} <= {403, 404, 405}, path


@pytest.mark.abuse("AB-29")
@pytest.mark.parametrize("role", ["auditor", "support"])
async def test_who_checks_or_looks_after_changes_nothing(service: Service, role: str) -> None:
    client = await (service.auditor() if role == "auditor" else service.support())
    headers, before = {"authorization": client.headers["authorization"]}, service.head()

    for answer in await volley(service.at, [Shot(method, path, {}, headers) for method, path in closed(ADMINS)]):
        problem_in(answer, 403, "not_allowed")
    assert service.head() == before


@pytest.mark.abuse("AB-29")
async def test_nobody_changes_what_was_recorded(service: Service) -> None:
    headers = {"authorization": (await service.admin()).headers["authorization"]}
    head = service.head()
    paths = ["/v1/audit/events", "/v1/audit/events/1", f"/v1/audit/accounts/{uuid4()}/timeline"]

    shots = [Shot(verb, path, {}, headers) for path in paths for verb in ("POST", "PUT", "PATCH", "DELETE")]

    assert {answer.status_code for answer in await volley(service.at, shots)} <= {404, 405}
    assert service.head() == head


@pytest.mark.abuse("AB-30")
async def test_nobody_says_of_themselves_what_is_for_others_to_say(service: Service) -> None:
    anna = await service.sign_up()
    shown = (await anna.http.get("/v1/me")).json()
    new = {"email": f"person{new_number()}@example.com", "password": PASSWORD}
    hers = {"authorization": anna.http.headers["authorization"]}
    registered = [Shot("POST", "/v1/auth/register", new | {name: value}) for name, value in FIELDS.items()]
    renamed = [Shot("PATCH", "/v1/me", {"name": "Anna", name: value}, hers) for name, value in FIELDS.items()]

    for answer in await volley(service.at, [*registered, *renamed]):
        problem_in(answer, 400, "malformed_body")
    assert (await anna.http.get("/v1/me")).json() == shown
    problem_in(await service.public.post("/v1/auth/login", json=new), 401, "invalid_credentials")


@pytest.mark.abuse("AB-32")
def test_who_begin_at_once_on_an_empty_database_make_its_tables_and_its_first_admin_once(
    empty_database: str, tmp_path: Path
) -> None:
    """Two processes, each of which finds that there is nothing yet."""

    def made(email: str) -> CompletedProcess[str]:
        command = ("accounts", "create-admin", email, "--password-stdin", "--json")
        return command_on(empty_database, tmp_path)(*command, stdin=f"{PASSWORD}\n")

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(made, ["ada@example.com", "Ada@Example.com"]))

    (refused,) = (each for each in done if each.returncode)
    assert (refused.returncode, refused.stderr) == (3, "streamly: Somebody has registered with this address.\n")
    with psycopg.connect(empty_database) as database:
        kinds = database.execute("SELECT count(*) FROM ops.claims WHERE kind = 'email'").fetchone()
    assert kinds == (1,)
