"""What a longer ledger costs: 100k, 1M and 10M facts side by side, on one server.

`rebuild_growth`: each round a child process rebuilds the catalogue of each ledger, and nothing else: its rate, and the
most memory that the process has had. The keys grow with the ledger, a film to 20 facts: 500,000 at 10M.

`append_growth`: 16 callers publish and take back films that they choose by chance among all that there are, one fact
to an append, through the whole product, access read model included: every append touches pages of the indexes, of the
read model and, after a checkpoint, of the log that few before it have touched. What is compared is the 99th percentile
of how long a caller waits. The ledgers grow by what is appended, 10M by less than 1 in 50.
"""

import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from uuid import uuid4

import msgspec

from application.ports.ledger import Write
from benchmarks.contest import P50, P99, RSS, Comparison, Contest, Contestant, Figure, Outcome, Sample, hold
from benchmarks.films import LIFE, film_id, films_in
from benchmarks.house import House, open_house
from benchmarks.load import AppendNext, Load
from benchmarks.projection import read_models_of
from benchmarks.workbench import Options, Workbench
from domain.video.facts import VideoPublished, VideoUnpublished

CALLERS = 16
REBUILD_SECONDS_MAX = 900
ROOT = Path(__file__).parents[1]

SIZES = ("100k", "1m", "10m")
SMALL, MIDDLE, LARGE = SIZES

Say = Callable[[str, int], None]

REBUILDS = [
    *(Comparison(f"rebuild_{size}_facts_per_second", "facts/s", Figure(size)) for size in SIZES),
    Comparison("rebuild_10m_vs_1m", "facts/s", Figure(LARGE), Figure(MIDDLE)),
    *(Comparison(f"rebuild_{size}_rss_mib", "MiB", Figure(size, RSS)) for size in SIZES),
]
APPENDS = [
    *(Comparison(f"append_{size}_p50_ms", "ms", Figure(size, P50)) for size in SIZES),
    *(Comparison(f"append_{size}_p99_ms", "ms", Figure(size, P99)) for size in SIZES),
    *(Comparison(f"append_{size}_facts_per_second", "facts/s", Figure(size)) for size in SIZES),
    Comparison("append_p99_10m_vs_100k", "ms", Figure(LARGE, P99), Figure(SMALL, P99)),
]


def _facts(options: Options) -> dict[str, int]:
    return {SMALL: options.facts // 10, MIDDLE: options.facts, LARGE: options.facts * 10}


async def rebuild_growth(bench: Workbench, options: Options, say: Say) -> Outcome:
    contestants = []
    for size, facts in _facts(options).items():
        if absent := bench.lacks_room_for(facts):
            contestants.append(Contestant(size, _never, absent))
            continue
        dsn = await bench.ledger(facts)
        await asyncio.to_thread(read_models_of(dsn).prepare)
        contestants.append(Contestant(size, partial(_rebuilt_in_a_child, dsn)))
    return await hold(Contest("rebuild_growth", contestants, REBUILDS), rounds=options.rounds, on_round=say)


async def _never() -> Sample:
    raise AssertionError("who is absent is not measured")


async def _rebuilt_in_a_child(dsn: str) -> Sample:
    command = (sys.executable, "-W", "error", "-m", "benchmarks.rebuilding", dsn)
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(REBUILD_SECONDS_MAX):
            told, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
    assert child.returncode == 0, f"the rebuild ended with {child.returncode}"
    return msgspec.json.decode(told, type=dict[str, float])


async def append_growth(bench: Workbench, options: Options, say: Say) -> Outcome:
    contestants = []
    async with AsyncExitStack() as stack:
        for size, facts in _facts(options).items():
            if absent := bench.lacks_room_for(facts):
                contestants.append(Contestant(size, _never, absent))
                continue
            house = await stack.enter_async_context(open_house(await bench.ledger(facts)))
            load = Load(_editors(house, films_in(facts)), seconds=2 * options.seconds)
            contestants.append(Contestant(size, load.measure))
        return await hold(Contest("append_growth", contestants, APPENDS), rounds=options.rounds, on_round=say)


def _editors(house: House, films: int) -> list[AppendNext]:
    """Each has every sixteenth film, so that nobody is in another's way."""
    callers = min(CALLERS, films)
    return [_editor(house, number, callers, films) for number in range(callers)]


def _editor(house: House, caller: int, callers: int, films: int) -> AppendNext:
    chance = random.Random(caller)  # noqa: S311 - a choice, not a secret
    versions: defaultdict[int, int] = defaultdict(lambda: LIFE)

    async def append_next() -> None:
        number = caller + callers * chance.randrange((films - caller - 1) // callers + 1)
        film, version = film_id(number), versions[number]
        kind = VideoPublished if version % 2 else VideoUnpublished
        await house.ledger.append(Write(film, version, [kind(fact_id=uuid4(), video_id=film)]))
        versions[number] += 1

    return append_next
