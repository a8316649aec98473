"""A simulator for each test, with a clock that stands still and a receiver that verifies what it is sent."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.stripe.simulator import stripe_simulator
from tests.adapters.sandbox.stripe.harness import SECRET, Clock, Receiver, Sandbox, Stage, staged

Start = Callable[..., AbstractContextManager[Sandbox]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def sandbox_stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture(scope="module")
def receiver_stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture
def receiver(receiver_stage: Stage) -> Iterator[Receiver]:
    receiver = Receiver(f"{receiver_stage.url}/webhook")
    with receiver_stage.playing(receiver):
        yield receiver


@pytest.fixture
def start(sandbox_stage: Stage, tmp_path: Path, clock: Clock) -> Start:
    """Starts the simulator on the test's own store, as often as it likes."""

    @contextlib.contextmanager
    def started(webhook_url: str | None) -> Iterator[Sandbox]:
        simulator = stripe_simulator(
            store_path=tmp_path / "stripe" / "sandbox.sqlite",
            public_url=sandbox_stage.url,
            webhook_url=webhook_url,
            webhook_secret=SECRET,
            clock=clock,
        )
        app = create_sandbox_app([simulator])
        with sandbox_stage.playing(app, app.lifespan()), contextlib.closing(Sandbox(sandbox_stage.url)) as sandbox:
            yield sandbox

    return started


@pytest.fixture
def sandbox(start: Start, receiver: Receiver) -> Iterator[Sandbox]:
    with start(receiver.url) as sandbox:
        yield sandbox
