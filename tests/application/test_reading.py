"""Reading one's own writes, and whether all of it runs."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from adapters.memory.inbox_desk import MemoryInboxDesk
from adapters.memory.jobs import MemoryTranscodeJobs
from adapters.memory.read_model_states import MemoryReadModelStates
from application.errors import DatabaseUnavailable, NotYetVisible, UnknownPosition
from application.health import Health, Readiness
from application.ports.ledger import InsertOnce
from application.ports.policies import PolicyStatus
from application.ports.read_models import ReadModelStates, ReadModelStatus
from application.projections.every import PROJECTIONS
from application.reading import TIMEOUT_SECONDS, ReadingYourWrites
from tests.application.house import House
from tests.people import ANNA

pytestmark = pytest.mark.anyio

LAG_MAX = 100
WAIT_MAX = 60.0


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


class Standing(MemoryReadModelStates):
    """One read model, that stands as a test says."""

    def __init__(self, *, lag: int = 0, trouble: str | None = None) -> None:
        self._status = ReadModelStatus(
            name="catalogue",
            generation=1,
            version=1,
            position=5,
            lag=lag,
            trouble=trouble,
            state="degraded" if trouble else "live",
        )

    async def statuses(self) -> Sequence[ReadModelStatus]:
        return [self._status]


@dataclass
class Silent(Behind):
    """A database that takes the question and gives no answer."""

    async def head(self) -> int:
        await asyncio.sleep(60)
        return self.length


async def test_a_database_that_says_nothing_is_waited_for_no_longer() -> None:
    silent = Silent(reached=5, length=5)

    with pytest.raises(NotYetVisible, match="have not reached position 5"):
        await asyncio.wait_for(ReadingYourWrites(silent, timeout_seconds=0.05).wait(5), 5)


@dataclass
class Disk:
    """A database that can be written to, or not."""

    full: bool = False

    async def check(self) -> None:
        if self.full:
            raise DatabaseUnavailable("no space left")


class Twice:
    """Two subscriptions are paid twice."""

    async def found(self) -> int:
        return 2


@dataclass
class Waits:
    """One queue, in which something was due so many seconds ago."""

    seconds: float = 0.0

    async def longest(self) -> Mapping[str, float]:
        return {"letters": self.seconds}


@dataclass
class Transcoding:
    """One policy, that stands as a test says."""

    trouble: str | None = None
    lag: int = 1

    async def statuses(self) -> Sequence[PolicyStatus]:
        return [
            PolicyStatus(
                name="transcode_uploads",
                position=4,
                lag=self.lag,
                state="degraded" if self.trouble else "live",
                trouble=self.trouble,
            )
        ]


def health(
    house: House,
    *,
    states: ReadModelStates | None = None,
    disk: Disk | None = None,
    policy: Transcoding | None = None,
    waits: Waits | None = None,
) -> Health:
    return Health(
        database=disk or Disk(),
        positions=Behind(5, 5),
        read_models=states or MemoryReadModelStates(house.ledger, *PROJECTIONS.values()),
        policies=policy or Transcoding(),
        inbox=house.inbox,
        desk=MemoryInboxDesk(house.tables, house.inbox, house.real_time),
        sweeps=house.sweeps,
        intents=house.intents,
        duplicates=Twice(),
        letters=house.letters,
        jobs=MemoryTranscodeJobs(),
        platform_tasks=house.platform_tasks,
        waits=waits or Waits(),
        lag_max=LAG_MAX,
        waits_max={"letters": WAIT_MAX},
    )


async def test_it_is_ready_and_says_how_far_behind_what_is(house: House) -> None:
    await house.webhooks.receive(*house.billing.delivery("invoice.paid", "cus_anna"))

    await house.platform_tasks.ask(ANNA, "remove", "mux")

    readiness = await health(house, states=Standing(lag=2)).readiness()

    assert [(each.platform, each.waiting, each.failing) for each in readiness.platforms] == [("mux", 1, 0)]
    assert (readiness.status, readiness.head, readiness.lagging) == ("ok", 5, ())
    assert [(each.name, each.lag) for each in readiness.read_models] == [("catalogue", 2)]
    assert readiness.queues == {"webhooks": 1, "intents": 0, "transcoding": 0, "letters": 0}
    assert readiness.duplicates == 2


async def test_what_was_asked_of_the_provider_in_vain_is_counted(house: House) -> None:
    due_at = house.real_time.now()
    rows = [InsertOnce("intents", {"key": key, "stream": ANNA, "due_at": due_at}) for key in ("one", "two")]
    await house.ledger.append(rows=rows)
    await house.intents.retry_later("one", error="no answer", delays_seconds=[])

    readiness = await health(house).readiness()

    assert (readiness.queues["intents"], readiness.failed_intents, readiness.status) == (2, 1, "ok")


async def test_a_degraded_read_model_is_named_and_takes_no_server_away(house: House) -> None:
    readiness = await health(house, states=Standing(trouble="fact 7")).readiness()

    assert (readiness.status, readiness.read_models[0].state) == ("degraded", "degraded")


async def test_a_degraded_policy_is_named_and_takes_no_server_away(house: House) -> None:
    readiness = await health(house, policy=Transcoding(trouble="fact 3")).readiness()

    assert (readiness.status, readiness.policies[0].trouble) == ("degraded", "fact 3")


@pytest.mark.parametrize(("lag", "status"), [(LAG_MAX, "ok"), (LAG_MAX + 1, "unavailable")])
async def test_read_models_may_be_behind_up_to_a_limit(house: House, lag: int, status: str) -> None:
    readiness = await health(house, states=Standing(lag=lag)).readiness()

    assert readiness.status == status
    assert readiness.lagging == (("catalogue",) if status == "unavailable" else ())


@pytest.mark.parametrize(("lag", "lagging"), [(LAG_MAX, ()), (LAG_MAX + 1, ("transcode_uploads",))])
async def test_so_may_policies(house: House, lag: int, lagging: tuple[str, ...]) -> None:
    readiness = await health(house, policy=Transcoding(lag=lag)).readiness()

    assert (readiness.lagging, readiness.status) == (lagging, "unavailable" if lagging else "ok")


@pytest.mark.parametrize(("seconds", "overdue"), [(WAIT_MAX, ()), (WAIT_MAX + 0.1, ("letters",))])
async def test_what_is_due_may_wait_up_to_a_limit(house: House, seconds: float, overdue: tuple[str, ...]) -> None:
    readiness = await health(house, waits=Waits(seconds)).readiness()

    assert (readiness.overdue, readiness.status) == (overdue, "unavailable" if overdue else "ok")
    assert readiness.waits == {"letters": seconds}


async def test_without_a_database_it_is_not_and_answers_all_the_same(house: House) -> None:
    assert await health(house, disk=Disk(full=True)).readiness() == Readiness(database=False)
