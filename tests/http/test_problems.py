"""Every refusal and every error has one status, one code and one shape."""

import importlib
import logging
import pkgutil
from collections.abc import Iterator
from inspect import getmembers, isclass

import httpx
import pytest

import application
import domain
from application import errors
from application.ports import addresses, billing, idempotency, secrets, sign_in, throttles, vault, video_platform
from domain.shared.fact import Refusal
from entrypoints.http.problems import code_of, status_of
from tests.http.problem import problem_in

anyio = pytest.mark.anyio

# These are caught in the use cases, and never come as far as HTTP.
CAUGHT = {
    addresses.AddressInvalid,
    addresses.NumberInvalid,
    secrets.TokenInvalid,
    sign_in.RefreshReused,
    vault.SealBroken,
    video_platform.NotAVideo,
    video_platform.VideoGone,
}


def below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


def everything_imported() -> None:
    for package in (domain, application):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def test_every_refusal_has_a_status() -> None:
    everything_imported()
    refusals = set(below(Refusal))

    assert len(refusals) > 10
    assert {kind.__name__ for kind in refusals if status_of(kind) is None} == set()


def test_every_error_of_the_use_cases_and_the_ports_has_a_status() -> None:
    modules = [errors, addresses, billing, idempotency, secrets, sign_in, throttles, vault, video_platform]
    raised = {kind for module in modules for _, kind in getmembers(module, isclass) if issubclass(kind, Exception)}

    assert {kind.__name__ for kind in raised - CAUGHT if status_of(kind) is None} == set()


def test_no_two_refusals_share_a_code() -> None:
    everything_imported()
    codes = [code_of(kind) for kind in below(Refusal)]

    assert len(codes) == len(set(codes))


@anyio
async def test_a_refusal_is_a_problem_with_its_own_code(small: httpx.AsyncClient) -> None:
    problem = problem_in(await small.get("/v1/taken"), 409, "email_taken")

    assert problem["title"] == "Email taken"
    assert problem["detail"] == "Somebody has registered with this address."


@anyio
async def test_a_refusal_brings_what_one_needs_to_know(small: httpx.AsyncClient) -> None:
    answer = await small.get("/v1/unpaid")

    assert problem_in(answer, 402, "subscription_required")["access"]["reason"] == "no_subscription"
    assert answer.headers["ledger-position"] == "12"


@anyio
async def test_what_nobody_foresaw_says_nothing_but_where_to_look(
    small: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "streamly.http"):
        answer = await small.get("/v1/broken", headers={"X-Request-ID": "trouble-1"})

    problem = problem_in(answer, 500, "internal_error")
    assert problem["request_id"] == "trouble-1"
    assert "42" not in answer.text
    (logged,) = [record for record in caplog.records if record.name == "streamly.http"]
    assert vars(logged)["request_id"] == "trouble-1"
    assert "ZeroDivisionError: the secret is 42" in caplog.text


@anyio
async def test_what_is_away_says_when_to_come_back_and_tells_the_log_why(
    small: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await small.get("/v1/no-database")

    problem_in(answer, 503, "database_unavailable")
    assert answer.headers["retry-after"] == "1"
    (logged,) = [vars(record) for record in caplog.records if record.name == "streamly.http"]
    assert (logged["code"], logged["why"]) == ("database_unavailable", "connection refused")
    assert "connection refused" not in answer.text
