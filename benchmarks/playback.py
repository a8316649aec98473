"""Playback over HTTP: the product's own API process, two peers, and a handler of Litestar's that answers a constant.

- `streamly`: the process that `serve` starts, with its logs (to a file), guards, ids and metrics. Every answer rests on
  what the primary says at that moment of the sign-in, the account and the film, and each play is a row. The films are
  Mux's, whose tokens are given to all who ask within five minutes; also with a signature to each play, and with a plan
  that limits how many devices play at once.
- `FastAPI + SQLAlchemy`, `Django REST`: `benchmarks/peers/`, which sign an RS256 token to each answer, with a key that
  is loaded once, and keep no plays.
- `bare Litestar`: no token, no database: a constant behind the same middleware, on the same server.

`growth`: ours, with a million accounts and with ten thousand, and what PostgreSQL does for it counts too.

32 connections over loopback, the same sender; viewers in turn, each to a film by chance; sender, servers and
PostgreSQL share the machine.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import NoReturn

import psycopg

from benchmarks.contest import P50, P99, Comparison, Contest, Contestant, Figure, Outcome, Sample, hold
from benchmarks.players import NEVER_TWICE, Players, audience_of
from benchmarks.sending import Sender
from benchmarks.serving import ABSENT, PROC, UNTOLD, Served, cpu_seconds
from benchmarks.viewing import Plays, our_tokens, peer_tokens
from benchmarks.workbench import Options, Workbench

CONNECTIONS = 32
STREAMS = 2
LONGER = 1.5
"""A round takes, so that a whole run has 100,000 answers of ours and more."""
RATE, CPU, COST = "playbacks_per_second", "cpu_us", "cost_us"
OURS, FASTAPI, DRF, BARE = "streamly", "FastAPI + SQLAlchemy", "Django REST", "bare Litestar"
LIMITED, FRESH = f"{OURS}, a limit of streams", f"{OURS}, a signature to each"
OURS_TWICE, FASTAPI_TWICE = f"{OURS}, 2 processes", f"{FASTAPI}, 2 processes"
MANY, FEW = "1M accounts", "10k accounts"

Say = Callable[[str, int], None]

COMPARISONS = (
    Comparison("playback_vs_fastapi", "playbacks/s", Figure(OURS, RATE), Figure(FASTAPI, RATE)),
    Comparison("playback_vs_fastapi_2_workers", "playbacks/s", Figure(OURS_TWICE, RATE), Figure(FASTAPI_TWICE, RATE)),
    Comparison("playback_limited_vs_fastapi", "playbacks/s", Figure(LIMITED, RATE), Figure(FASTAPI, RATE)),
    Comparison("playback_fresh_vs_fastapi", "playbacks/s", Figure(FRESH, RATE), Figure(FASTAPI, RATE)),
    Comparison("playback_p99_vs_fastapi", "ms", Figure(OURS, P99), Figure(FASTAPI, P99)),
    Comparison("playback_vs_bare_litestar", "playbacks/s", Figure(OURS, RATE), Figure(BARE, RATE)),
    Comparison("playback_vs_drf", "playbacks/s", Figure(OURS, RATE), Figure(DRF, RATE)),
    Comparison("playback_cpu_us", "us", Figure(OURS, CPU)),
    Comparison("playback_p50_ms", "ms", Figure(OURS, P50)),
    Comparison("playback_p99_ms", "ms", Figure(OURS, P99)),
)
GROWTH = (Comparison("playback_1m_vs_10k", "us", Figure(MANY, COST), Figure(FEW, COST)),)


async def playback(bench: Workbench, options: Options, say: Say) -> Outcome:
    players = Players(bench, audience_of(options.facts // 10))
    limited = Players(bench, audience_of(options.facts // 10, stream_limit=STREAMS))
    with ExitStack() as stack:
        contestants = [*await _ours(players, limited, stack, options), *await _theirs(players, stack, options)]
        contest = Contest("playback", contestants, COMPARISONS)
        return await hold(contest, rounds=options.rounds, on_round=say)


async def playback_growth(bench: Workbench, options: Options, say: Say) -> Outcome:
    postmaster = _postmaster(bench.dsn)
    with ExitStack() as stack:
        contestants = []
        for name, accounts in ((MANY, options.facts), (FEW, max(1, options.facts // 100))):
            players = Players(bench, audience_of(accounts))
            served = stack.enter_context(players.streamly(await players.our_database()))
            loaded = Loaded(served, _ours_sender(players, served, options), postmaster)
            contestants.append(Contestant(name, loaded.measure, absent=UNTOLD))
        return await hold(Contest("playback_growth", contestants, GROWTH), rounds=options.rounds, on_round=say)


async def _ours(players: Players, limited: Players, stack: ExitStack, options: Options) -> list[Contestant]:
    dsn = await players.our_database()
    servers = {
        OURS: players.streamly(dsn),
        LIMITED: limited.streamly(await limited.our_database()),
        FRESH: players.streamly(dsn, command=NEVER_TWICE),
        OURS_TWICE: players.streamly(dsn, processes=2),
        BARE: players.bare_litestar(),
    }
    served = {name: stack.enter_context(server) for name, server in servers.items()}
    return [Contestant(name, Loaded(one, _ours_sender(players, one, options)).measure) for name, one in served.items()]


async def _theirs(players: Players, stack: ExitStack, options: Options) -> list[Contestant]:
    if ABSENT:
        return [Contestant(name, _never, absent=ABSENT) for name in (FASTAPI, FASTAPI_TWICE, DRF)]
    dsn, tokens = await players.peers_database(), peer_tokens(players.audience)
    servers = {
        FASTAPI: players.fastapi(dsn),
        FASTAPI_TWICE: players.fastapi(dsn, processes=2),
        DRF: players.django(dsn),
    }
    served = {name: stack.enter_context(server) for name, server in servers.items()}
    return [Contestant(name, _sender(players, one, options, "", tokens).measure) for name, one in served.items()]


async def _never() -> NoReturn:
    raise AssertionError("who is absent is not measured")


def _ours_sender(players: Players, served: Served, options: Options) -> Sender:
    return _sender(players, served, options, "/v1", our_tokens(players.audience))


def _sender(players: Players, served: Served, options: Options, prefix: str, tokens: list[str]) -> Sender:
    plays = Plays(prefix, tokens, videos=players.audience.videos)
    return Sender(served.port, plays, RATE, connections=CONNECTIONS, seconds=options.seconds * LONGER)


class Loaded:
    """A server under the load of its viewers, and what CPU an answer takes, in microseconds."""

    def __init__(self, served: Served, sender: Sender, postmaster: int | None = None) -> None:
        self._served = served
        self._sender = sender
        self._postmaster = postmaster

    async def measure(self) -> Sample:
        before, (server, database) = self._sender.acknowledged, self._used()
        sample = await self._sender.measure()
        answered = self._sender.acknowledged - before
        server, database = (
            (after - was) / answered * 1e6 for after, was in zip(self._used(), (server, database), strict=True)
        )
        return {**sample, CPU: server, COST: server + database, "answered": answered}

    def _used(self) -> tuple[float, float]:
        """Seconds of the server, and of PostgreSQL where that is asked for."""
        if UNTOLD:
            return 0.0, 0.0
        return self._served.cpu_seconds(), database_cpu_seconds(self._postmaster) if self._postmaster else 0.0


def _postmaster(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        return 0 if UNTOLD else _parent(connection.info.backend_pid)


def _parent(pid: int) -> int:
    return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def database_cpu_seconds(postmaster: int) -> float:
    """Of PostgreSQL's processes that run; nobody connects or leaves while it is measured."""
    pids = [int(one.name) for one in PROC.iterdir() if one.name.isdigit()]
    return sum(cpu_seconds(pid) for pid in pids if _belongs(pid, postmaster))


def _belongs(pid: int, postmaster: int) -> bool:
    """Whoever ends meanwhile is nobody's."""
    try:
        return pid == postmaster or _parent(pid) == postmaster
    except OSError:
        return False
