"""What is done to the running product, one fault to a round; each leaves it for `Site.recover` to bring back."""

import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple

import psycopg

from application.projections.every import PROJECTIONS
from tests.adapters.eventstore.house import stands
from tests.faults.judgement import judge_generations, patiently, read_models
from tests.faults.operator import DONE, UNDER_WAY
from tests.faults.processes import Process
from tests.faults.site import Site, patience

BURST = 6
DOWN_SECONDS_MAX = 1.0
REBUILD_SECONDS = 60.0
LOOK_SECONDS = 0.005

BUILDING = "SELECT FROM ledger.read_models WHERE name = %s AND state = 'building'"

Act = Callable[[Site, Random], list[str]]


class Fault(NamedTuple):
    """What is done, in words; `act` does it and says what it found wrong on the way."""

    words: str
    act: Act
    weight: int = 2


def kill_api(site: Site, dice: Random) -> list[str]:
    site.api.kill()
    time.sleep(dice.random() * 0.3)
    return []


def kill_worker(site: Site, dice: Random) -> list[str]:
    site.worker.kill()
    time.sleep(dice.random() * 0.3)
    return []


def kill_writer(site: Site, dice: Random) -> list[str]:
    dice.choice(site.writers).kill()
    return []


def kill_postmaster(site: Site, dice: Random) -> list[str]:
    site.database.kill_postmaster()
    time.sleep(dice.random() * DOWN_SECONDS_MAX)
    return []


def kill_postmaster_twice(site: Site, dice: Random) -> list[str]:
    """The second time while everybody comes back from the first."""
    site.database.kill_postmaster()
    site.database.ensure()
    time.sleep(dice.random() * 0.5)
    return kill_postmaster(site, dice)


def kill_backend(site: Site, dice: Random) -> list[str]:
    site.database.kill_backend(dice)
    return []


def terminate_backends(site: Site, dice: Random) -> list[str]:
    """One connection after the other, the appending ones first of all."""
    for _ in range(BURST):
        site.database.terminate_backend(dice)
        time.sleep(dice.random() * 0.1)
    return []


def kill_everything(site: Site, dice: Random) -> list[str]:
    """As when the machine's memory is full."""
    victims: list[Callable[[], None]] = [site.api.kill, site.worker.kill, site.database.kill_postmaster]
    dice.shuffle(victims)
    for kill in victims:
        kill()
        time.sleep(dice.random() * 0.05)
    return []


def kill_rebuild(site: Site, dice: Random) -> list[str]:
    """In the middle; the next one starts clean."""
    name = _any_read_model(dice)
    operator = _operator(site)
    operator.start(name)
    _wait_until_building(site, operator, name)
    time.sleep(dice.random() * 0.2)
    operator.kill()
    return _rebuilt(site, name)


def kill_postmaster_during_rebuild(site: Site, dice: Random) -> list[str]:
    name = _any_read_model(dice)
    operator = _operator(site)
    operator.start(name)
    _wait_until_building(site, operator, name)
    time.sleep(dice.random() * 0.2)
    site.database.kill_postmaster()
    if operator.wait(patience(REBUILD_SECONDS)) is None:
        operator.kill()
        return [f"the rebuild of {name} does not end without its database"]
    site.database.ensure()
    return _rebuilt(site, name)


def kill_worker_in_a_requested_rebuild(site: Site, dice: Random) -> list[str]:
    """Asked for by an admin, begun by the worker, cut off; a worker goes on until it is done."""
    name = _any_read_model(dice)
    with site.database.connect() as connection:
        connection.execute(
            "UPDATE ledger.read_models SET rebuild_requested_at = now() WHERE name = %s AND state = 'live'", [name]
        )
        connection.execute("SELECT pg_notify('read_models', %s)", [name])
    _wait_until_building(site, site.worker, name, seconds=dice.random())
    site.worker.kill()
    site.recover()
    deadline = time.monotonic() + patience(REBUILD_SECONDS)
    while stands(site.database.owner)[name].rebuild_requested:
        if time.monotonic() > deadline:
            return [f"the rebuild of {name} that was asked for is not done"]
        time.sleep(LOOK_SECONDS * 10)
    return _verified(site, name)


def rebuild_twice_at_once(site: Site, dice: Random) -> list[str]:
    """One of them is told that the other is at it, unless that was quicker than a look."""
    name = _any_read_model(dice)
    operators = [_operator(site, number) for number in (1, 2)]
    for operator in operators:
        operator.start(name)
    codes = [operator.wait(patience(REBUILD_SECONDS)) for operator in operators]
    for operator in operators:
        operator.kill()
    if set(codes) <= {DONE, UNDER_WAY} and DONE in codes:
        return judge_generations(site)
    return [f"two rebuilds of {name} ended with {codes}", *(operator.said() for operator in operators)]


def rebuild_and_roll_back(site: Site, dice: Random) -> list[str]:
    """To the new one, back to the old one, which has been kept in step, and perhaps back again."""
    name = _any_read_model(dice)
    troubles = _rebuilt(site, name)
    for _ in range(dice.randrange(1, 3)):
        patiently(lambda: read_models(site).rollback(name))
        troubles += _verified(site, name)
    return troubles


def drop_what_is_kept(site: Site, dice: Random) -> list[str]:
    """With readers of it, perhaps: it goes at once or the next time."""
    name = _any_read_model(dice)
    patiently(lambda: read_models(site).rebuild(name))
    patiently(lambda: read_models(site).drop_kept(name))
    return _verified(site, name)


def _any_read_model(dice: Random) -> str:
    return dice.choice(sorted(PROJECTIONS))


def _operator(site: Site, number: int = 1) -> Process:
    return site.helper(f"operator-{number}", "tests.faults.operator")


def _wait_until_building(site: Site, process: Process, name: str, *, seconds: float = REBUILD_SECONDS) -> None:
    """Or until so long; a rebuild that is short may not be seen."""
    deadline = time.monotonic() + seconds
    with site.database.connect() as connection:
        while process.runs and time.monotonic() < deadline:
            if connection.execute(BUILDING, [name]).fetchone() is not None:
                return
            time.sleep(LOOK_SECONDS)


def _rebuilt(site: Site, name: str) -> list[str]:
    """A rebuild goes through, and leaves nothing but what is live or kept."""
    try:
        patiently(lambda: read_models(site).rebuild(name))
    except psycopg.Error as trouble:
        return [f"a rebuild of {name} fails: {trouble!r}"]
    return judge_generations(site)


def _verified(site: Site, name: str) -> list[str]:
    verified = patiently(lambda: read_models(site).verify(name))
    return [f"{name} at {verified.position} differs from a rebuild: {one}" for one in verified.differences]


FAULTS = (
    Fault("kill -9 of the API", kill_api, 3),
    Fault("kill -9 of the worker", kill_worker, 3),
    Fault("kill -9 of a writer", kill_writer),
    Fault("kill -9 of the postmaster", kill_postmaster, 4),
    Fault("kill -9 of the postmaster, twice", kill_postmaster_twice),
    Fault("kill -9 of a backend", kill_backend, 3),
    Fault("connections terminated", terminate_backends, 3),
    Fault("kill -9 of API, worker and postmaster", kill_everything),
    Fault("kill -9 of a rebuild", kill_rebuild),
    Fault("kill -9 of the postmaster in a rebuild", kill_postmaster_during_rebuild),
    Fault("kill -9 of the worker in a rebuild", kill_worker_in_a_requested_rebuild),
    Fault("two rebuilds at once", rebuild_twice_at_once),
    Fault("rebuild, roll back", rebuild_and_roll_back),
    Fault("rebuild, drop what is kept", drop_what_is_kept),
)


def any_fault(dice: Random) -> Fault:
    """By weight."""
    return dice.choices(FAULTS, [fault.weight for fault in FAULTS])[0]
