"""A process that ends is started again, and one that keeps ending ends the service."""

import signal
from collections.abc import Iterator

import pytest

from entrypoints.cli.children import Child
from entrypoints.cli.service import RESTARTS_MAX, Service, ServiceFailed
from entrypoints.settings import Settings
from entrypoints.wiring import Database


class Ending(Child):
    """Ends as soon as it has begun."""

    def __init__(self) -> None:
        super().__init__("worker", ["worker"], {})
        self.starts = 0

    def start(self) -> None:
        self.starts += 1

    @property
    def exit_code(self) -> int | None:
        return 1


@pytest.fixture
def signals_of_pytest() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_of_pytest")
def test_the_sixth_end_of_a_process_in_a_minute_ends_the_service() -> None:
    worker = Ending()
    with pytest.raises(ServiceFailed, match=r"^worker keeps ending \(code 1\)$"):
        Service(Settings(), Database("", None), [worker]).watch_until_stopped()

    assert worker.starts == RESTARTS_MAX == 5, "as docs/operations.md says"
