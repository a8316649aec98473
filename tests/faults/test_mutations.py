"""Requests that are wrong in any way are answered as they should be: the small form of what `make soak` does."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from domain.shared.fact import NO_CAUSE
from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings
from tests.faults.answers_owed import Answer, Owed, owed, wrong_with
from tests.faults.mutants import Ask, mutated, wire
from tests.faults.mutations import bombard, mutants
from tests.faults.sign_ins import UNLIMITED
from tests.faults.valid_requests import ADMIN, PASSWORD
from tests.http.running import running_service
from tests.http.serving import served

pytestmark = pytest.mark.anyio

REQUESTS, SEED = 1_500, "small"
RENAME = Ask("PATCH", "/v1/me", ("limit",), (), (("Host", "a"), ("X-Who", "anna")), {"name": "Anna", "age": 30})
GREETING = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}


async def test_the_service_answers_mutants_as_it_should(
    module_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unlimited = {name.lower(): rate for name, rate in UNLIMITED.items()}
    async with running_service(module_database, tmp_path, **unlimited) as service:
        await service.house.accounts.register(email=ADMIN, password=PASSWORD, name=None, cause=NO_CAUSE, role="admin")
        secret = with_development_secrets(Settings(data_dir=tmp_path)).stripe_webhook_secrets
        sent = await mutants(service.public, secret, SEED)
        port = httpx.URL(service.address).port
        assert port is not None
        answered, failures = await bombard(port, sent, range(REQUESTS))

    assert not failures, "\n".join(map(str, failures))
    assert {200, 201, 202, 204, 400, 401, 403, 404, 405, 414, 422} <= set(answered), answered
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


async def _failing(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """It stumbles over a number that is too large."""
    body = b""
    while scope["type"] == "http":
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if b"9" * 5_000 in body:
        raise OverflowError
    await send(GREETING if scope["type"] == "http" else {"type": "lifespan.startup.complete"})
    if scope["type"] == "http":
        await send({"type": "http.response.body"})


def _planted(number: int) -> bytes:
    return mutated(RENAME, Random(number), [RENAME])  # noqa: S311  # it mutates


async def test_a_planted_500_is_found() -> None:
    async with served(_failing) as port:
        _, failures = await bombard(port, _planted, range(1_000))
        assert {failure.what for failure in failures} == {"answered 500"}

        _, again = await bombard(port, lambda _: failures[0].sent, range(1))

    assert [failure.what for failure in again] == ["answered 500"]


async def test_who_is_never_answered_is_found() -> None:
    async def silent(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        await (send({"type": "lifespan.startup.complete"}) if scope["type"] == "lifespan" else receive())
        await receive()

    async with served(silent) as port:
        _, failures = await bombard(port, lambda _: wire(RENAME), range(1), answer_seconds_max=0.2)

    assert len(failures) == 1, failures
    assert failures[0].what.startswith("nothing for")


async def test_an_early_answer_to_a_head_whose_body_was_cut_has_no_body() -> None:
    async def early(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return
        headers = [(b"content-length", b"2"), (b"connection", b"close"), (b"content-type", b"application/problem+json")]
        await send({"type": "http.response.start", "status": 400, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async with served(early) as port:
        answered, failures = await bombard(port, lambda _: wire(RENAME._replace(method="HEAD"))[:-1], range(1))

    assert (dict(answered), failures) == ({400: 1}, [])


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (wire(RENAME), Owed(["PATCH"], broken=False, keeps=True, heads=["PATCH"])),
        (wire(RENAME) * 2, Owed(["PATCH"] * 2, broken=False, keeps=False, heads=["PATCH"] * 2)),
        (wire(RENAME)[:-1], Owed([], broken=False, keeps=False, heads=["PATCH"])),
        (wire(RENAME)[:20], Owed([], broken=False, keeps=False, heads=[])),
        (wire(RENAME) + b"GET", Owed(["PATCH"], broken=False, keeps=False, heads=["PATCH"])),
        (b"\x00" + wire(RENAME), Owed([], broken=True, keeps=False, heads=[])),
        (
            wire(RENAME).replace(b"HTTP/1.1", b"HTTP/1.0"),
            Owed(["PATCH"], broken=False, keeps=False, heads=["PATCH"]),
        ),
    ],
)
def test_what_is_owed_to_bytes(sent: bytes, expected: Owed) -> None:
    assert owed(sent) == expected


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(200, {}, b""), None),
        (Answer(200, {}, b"Traceback (most recent call last)"), "a stack trace"),
        (Answer(404, {"content-type": "text/plain"}, b"no"), "404 is no problem+json"),
        (Answer(400, {"content-type": "text/plain", "connection": "close"}, b"no"), None),
        (Answer(400, {"content-type": "text/plain"}, b"no"), "400 is no problem+json"),
        (Answer(503, {}, b""), "answered 503"),
        (Answer(507, {"retry-after": "1"}, b""), "answered 507"),
    ],
)
def test_what_is_wrong_with_an_answer(answer: Answer, why: str | None) -> None:
    assert wrong_with(answer) == why
