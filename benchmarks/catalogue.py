"""The first page of the catalogue, asked for by 32 connections; and again while four others sign in without a pause.

- `streamly`: as `serve` starts it, a page of 20 of its 1,000 films, with the addresses of their pictures.
- `FastAPI + SQLAlchemy`: `benchmarks/peers/fastapi_service.py`, 20 rows of as many, without pictures.

A sign-in is a password checked by argon2 (19 MiB, two passes), on a thread in both.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from typing import NoReturn

import httpx
import msgspec

from benchmarks.contest import P99, Comparison, Contest, Contestant, Figure, Outcome, Sample, hold
from benchmarks.peers.tables import PASSWORD
from benchmarks.players import Players, audience_of
from benchmarks.sending import Sender
from benchmarks.serving import ABSENT, Served
from benchmarks.workbench import Options, Workbench

CONNECTIONS, SIGNING_IN, PEOPLE = 32, 4, 8
RATE, SIGN_INS = "pages_per_second", "sign_ins_per_second"
OURS, FASTAPI = "streamly", "FastAPI + SQLAlchemy"
OURS_BUSY, FASTAPI_BUSY = f"{OURS}, people sign in", f"{FASTAPI}, people sign in"

COMPARISONS = (
    Comparison("catalogue_vs_fastapi", "pages/s", Figure(OURS, RATE), Figure(FASTAPI, RATE)),
    Comparison("catalogue_p99_signing_in_vs_idle", "ms", Figure(OURS_BUSY, P99), Figure(OURS, P99)),
    Comparison("catalogue_p99_signing_in_vs_fastapi", "ms", Figure(OURS_BUSY, P99), Figure(FASTAPI_BUSY, P99)),
)


class Same:
    """These requests, over and over."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests = cycle(requests)

    def next(self) -> bytes:
        return next(self._requests)


@dataclass(frozen=True)
class Busy:
    """Pages are asked for while people sign in."""

    pages: Sender
    sign_ins: Sender

    async def measure(self) -> Sample:
        pages, sign_ins = await asyncio.gather(self.pages.measure(), self.sign_ins.measure())
        return {**pages, SIGN_INS: sign_ins[SIGN_INS]}


async def catalogue(bench: Workbench, options: Options, say: Callable[[str, int], None]) -> Outcome:
    players = Players(bench, audience_of(options.facts // 10))
    with ExitStack() as stack:
        served = stack.enter_context(players.streamly(await players.our_database()))
        contestants = _both(served, "/v1", "/v1/auth/login", await _registered(served), (OURS, OURS_BUSY), options)
        if ABSENT:
            contestants += [Contestant(name, _never, absent=ABSENT) for name in (FASTAPI, FASTAPI_BUSY)]
        else:
            served = stack.enter_context(players.fastapi(await players.peers_database()))
            people = [f"viewer{number}@example.com" for number in range(min(PEOPLE, players.audience.accounts))]
            contestants += _both(served, "", "/login", people, (FASTAPI, FASTAPI_BUSY), options)
        return await hold(Contest("catalogue", contestants, COMPARISONS), rounds=options.rounds, on_round=say)


async def _never() -> NoReturn:
    raise AssertionError("who is absent is not measured")


def _both(
    served: Served, prefix: str, login: str, people: Sequence[str], names: tuple[str, str], options: Options
) -> list[Contestant]:
    """The one server, while nobody signs in and while people do."""
    page = f"GET {prefix}/videos?limit=20 HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n\r\n".encode()
    pages = Sender(served.port, Same([page]), RATE, connections=CONNECTIONS, seconds=options.seconds)
    logins = Same([_login(login, email) for email in people])
    sign_ins = Sender(served.port, logins, SIGN_INS, connections=SIGNING_IN, seconds=options.seconds)
    return [Contestant(names[0], pages.measure), Contestant(names[1], Busy(pages, sign_ins).measure)]


def _login(path: str, email: str) -> bytes:
    body = msgspec.json.encode({"email": email, "password": PASSWORD})
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def _registered(served: Served) -> list[str]:
    """People with a password."""
    people = [f"somebody{number}@example.com" for number in range(PEOPLE)]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", trust_env=False, timeout=30) as client:
        for email in people:
            answer = await client.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
            assert answer.status_code == 201, answer.text
    return people
