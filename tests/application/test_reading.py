"""Reading one's own writes, and whether all of it runs."""

from dataclasses import dataclass, field

import pytest

from adapters.memory.jobs import MemoryTranscodeJobs
from application.errors import DatabaseUnavailable, NotYetVisible, UnknownPosition
from application.health import Health, Readiness
from application.ports.reads import Positions
from application.reading import TIMEOUT_SECONDS, ReadingYourWrites
from tests.application.house import House

pytestmark = pytest.mark.anyio


@dataclass
class Behind:
    """Read models that are so far, on a ledger that is so long."""

    reached: int
    length: int
    waited: list[float] = field(default_factory=list[float])

    async def head(self) -> int:
        return self.length

    async def wait_for(self, position: int, *, timeout_seconds: float) -> bool:
        self.waited.append(timeout_seconds)
        return position <= self.reached

    async def lags(self) -> dict[str, int]:
        return {"catalogue": self.length - self.reached}


async def test_what_is_there_is_read_at_once(house: House) -> None:
    await house.registers()

    await house.reading.wait(1)
    await house.reading.wait(0)


async def test_what_was_never_recorded_is_an_unknown_position(house: House) -> None:
    await house.registers()

    with pytest.raises(UnknownPosition, match="has not reached position 2"):
        await house.reading.wait(2)


async def test_what_is_not_visible_in_time_is_said_to_be_so() -> None:
    behind = Behind(reached=4, length=5)

    await ReadingYourWrites(behind).wait(4)
    with pytest.raises(NotYetVisible, match="have not reached position 5"):
        await ReadingYourWrites(behind).wait(5)
    assert behind.waited == [TIMEOUT_SECONDS] * 2


@dataclass
class Disk:
    """A database that can be written to, or not."""

    full: bool = False

    async def check(self) -> None:
        if self.full:
            raise DatabaseUnavailable("no space left")


def health(house: House, *, positions: Positions | None = None, disk: Disk | None = None) -> Health:
    return Health(
        database=disk or Disk(), positions=positions or Behind(5, 5), inbox=house.inbox, jobs=MemoryTranscodeJobs()
    )


async def test_it_is_ready_and_says_how_far_behind_what_is(house: House) -> None:
    await house.webhooks.receive(*house.billing.delivery("invoice.paid", "cus_anna"))

    readiness = await health(house, positions=Behind(reached=3, length=5)).readiness()

    assert readiness == Readiness(database=True, lags={"catalogue": 2}, queues={"webhooks": 1, "transcoding": 0})


async def test_without_a_database_it_is_not_and_answers_all_the_same(house: House) -> None:
    assert await health(house, disk=Disk(full=True)).readiness() == Readiness(database=False)
