"""The sandbox server: the simulators under one roof."""

import logging
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest
from litestar import get
from litestar.testing import TestClient

from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.simulator import Simulator
from adapters.sandbox.stripe.simulator import stripe_simulator
from tests.adapters.sandbox.stripe.harness import Clock
from tests.http.serving import served


def test_it_says_who_is_there(tmp_path: Path) -> None:
    simulator = stripe_simulator(
        store_path=tmp_path / "s", public_url="http://a.test", webhook_url=None, webhook_secret="x", clock=Clock()
    )

    with TestClient(create_sandbox_app([simulator])) as client:
        assert client.get("/health").json() == {"status": "ok", "simulators": ["stripe"]}
        assert client.get("/stripe/_sandbox/pending").json() == {"pending": 0}
        assert client.get("/elsewhere").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/stripe/_sandbox/nowhere", 404),
        ("GET", "/stripe/_sandbox/advance", 405),
        ("GET", "/stripe/v2/core/events", 404),
        ("PUT", "/stripe/v1/customers", 405),
        ("GET", "/stripe", 404),
    ],
)
def test_what_there_is_not_is_refused_in_the_shape_of_whom_it_belongs_to(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    simulator = stripe_simulator(
        store_path=tmp_path / "s", public_url="http://a.test", webhook_url=None, webhook_secret="x", clock=Clock()
    )

    with TestClient(create_sandbox_app([simulator])) as client:
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")
        assert "error" not in client.get("/elsewhere").json()


def test_a_control_that_is_refused_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    simulator = stripe_simulator(
        store_path=tmp_path / "s", public_url="http://a.test", webhook_url=None, webhook_secret="x", clock=Clock()
    )

    with TestClient(create_sandbox_app([simulator])) as client, caplog.at_level(logging.ERROR):
        refused = client.post("/stripe/_sandbox/disputes", json={})

    assert (refused.status_code, "error" in refused.json()) == (400, True)
    assert caplog.records == []


def test_what_breaks_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    @get("/")
    async def break_down() -> None:
        raise RuntimeError("the film tore")

    broken = Simulator(path="/broken", route_handlers=[break_down], lifespan=lambda _: nullcontext())

    with TestClient(create_sandbox_app([broken])) as client, caplog.at_level(logging.ERROR):
        assert client.get("/broken").status_code == 500

    assert "the film tore" in caplog.text


@pytest.mark.anyio
async def test_a_dropped_connection_is_dropped_by_the_server_that_it_runs_on(tmp_path: Path) -> None:
    simulator = stripe_simulator(
        store_path=tmp_path / "s", public_url="http://a.test", webhook_url=None, webhook_secret="x", clock=Clock()
    )
    planned = {"faults": [{"kind": "drop"}, {"kind": "drop", "after": True}]}

    async with served(create_sandbox_app([simulator])) as port:
        key = {"Authorization": "Bearer sk_test_x"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/stripe", headers=key) as client:
            (await client.put("/_sandbox/faults", json=planned)).raise_for_status()
            for _ in planned["faults"]:
                with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
                    await client.post("/v1/customers")
            made = (await client.get("/v1/customers")).json()["data"]

    assert len(made) == 1
