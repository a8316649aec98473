"""Whether the time of an answer tells who has an account, and whether others are answered during a flood of sign-ins.

python -m tests.faults.sign_ins [--requests 300] [--seconds 30]: 0 when neither is so. Part of `make soak`.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import httpx
import msgspec

from entrypoints.settings import Settings
from tests.faults.connections import api
from tests.faults.flood import Flooded, flooded_with

REQUESTS, AT_ONCE, FLOOD_SECONDS = 300, 200, 30.0
APART_MAX_SECONDS = 0.005
PASSWORD, WRONG = "a lighthouse in the fog", "a lighthouse in the sun"
LETTERS_EACH = 2
"""To one address or number there go three in 15 minutes; of those to a number one went when it signed in first."""
ASKING_AT_ONCE = 4
DIGITS = re.compile(r"\b(\d{6})\b")

UNLIMITED = {name.upper(): "900000/1s" for name in Settings.__struct_fields__ if name.startswith("throttle_")}
"""Who asks does it from one address."""

Ask = Callable[[str], Awaitable[httpx.Response]]


class Apart(NamedTuple):
    """The medians of what was asked alternately of those who have an account and those who have none, in seconds."""

    what: str
    known: float
    unknown: float
    answers: Counter[tuple[int, str]]
    """How often each status with its body was the answer."""

    @property
    def tells(self) -> bool:
        return abs(self.known - self.unknown) >= APART_MAX_SECONDS or len(self.answers) > 1

    def __str__(self) -> str:
        asked = f"{self.answers.total() // 2} each, {len(self.answers)} answer(s)"
        return f"{self.what}: known {self.known * 1000:.2f} ms, unknown {self.unknown * 1000:.2f} ms ({asked})"


async def compare(folder: Path, *, requests: int, seed: int = 1) -> list[Apart]:
    """Signing in, forgetting the password and asking for a code, on a server of its own."""
    people = -(-requests // LETTERS_EACH)
    async with api(folder, **UNLIMITED) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        def asking(path: str, **body: str) -> Ask:
            field = "phone" if path.endswith("otp") else "email"
            return lambda whom: client.post(path, json={field: whom} | body)

        mails, phones = [f"anna{number}@example.com" for number in range(people)], _numbers(600_100_000, people)
        strangers, others = [f"none{number}@example.com" for number in range(people)], _numbers(600_200_000, people)
        await _each(mails, lambda mail: _register(client, mail))
        await _each(phones, lambda phone: _sign_in_by_code(client, phone))
        dice = Random(seed)  # noqa: S311  # it shuffles
        return [
            await _apart("login", asking("/v1/auth/login", password=WRONG), mails, strangers, requests, dice),
            await _apart("forgot", asking("/v1/auth/password/forgot"), mails, strangers, requests, dice),
            await _apart("otp", asking("/v1/auth/otp"), phones, others, requests, dice),
        ]


def _numbers(first: int, count: int) -> list[str]:
    return [f"+48{first + number}" for number in range(count)]


async def _each(whom: Sequence[str], do: Callable[[str], Awaitable[None]]) -> None:
    places = asyncio.Semaphore(ASKING_AT_ONCE)

    async def one(who: str) -> None:
        async with places:
            await do(who)

    await asyncio.gather(*(one(who) for who in whom))


async def _register(client: httpx.AsyncClient, email: str) -> None:
    await _post(client, "/v1/auth/register", email=email, password=PASSWORD)


async def _sign_in_by_code(client: httpx.AsyncClient, phone: str) -> None:
    await _post(client, "/v1/auth/otp", phone=phone)
    messages = (await client.get("/v1/sandbox/messages", params={"to": phone})).raise_for_status().json()["items"]
    found = DIGITS.search(messages[0]["body"])
    assert found is not None, messages
    await _post(client, "/v1/auth/otp/verify", phone=phone, code=found[1])


async def _post(client: httpx.AsyncClient, path: str, **body: Any) -> None:
    (await client.post(path, json=body)).raise_for_status()


async def _apart(
    what: str, ask: Ask, known: Sequence[str], unknown: Sequence[str], requests: int, dice: Random
) -> Apart:
    """One of each in turn, of which now this and now that comes first."""
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    answers: Counter[tuple[int, str]] = Counter()
    for number in range(requests):
        pair = [("known", known[number % len(known)]), ("unknown", unknown[number % len(unknown)])]
        for kind, whom in dice.sample(pair, 2):
            began = time.perf_counter()
            answer = await ask(whom)
            took[kind].append(time.perf_counter() - began)
            answers[answer.status_code, _without_its_own(answer)] += 1
    return Apart(what, median(took["known"]), median(took["unknown"]), answers)


def _without_its_own(answer: httpx.Response) -> str:
    """The body, but for the number that each request has."""
    body = answer.json()
    return msgspec.json.encode({name: body[name] for name in sorted(body) if name != "request_id"}).decode()


async def flood(folder: Path, *, at_once: int = AT_ONCE, seconds: float) -> Flooded:
    """How plans and webhooks are answered while so many sign in at once, wave after wave."""
    async with api(folder, **UNLIMITED) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        mails = [f"boris{number}@example.com" for number in range(20)]
        await _each(mails, lambda mail: _register(client, mail))
        bodies = [msgspec.json.encode({"email": mails[number % 20], "password": PASSWORD}) for number in range(at_once)]
        return await flooded_with(port, bodies, folder=folder, seconds=seconds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description="What sign-ins tell, and a flood of them.")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each kind (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=FLOOD_SECONDS, help="of the flood (default: %(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streamly-soak-") as one:
        compared = asyncio.run(compare(Path(one), requests=given.requests))
    with tempfile.TemporaryDirectory(prefix="streamly-soak-") as other:
        flooded = asyncio.run(flood(Path(other), seconds=given.seconds))
    sys.stdout.write("".join(f"{each}\n" for each in (*compared, flooded)))
    if failed := any(each.tells for each in compared) or not flooded.bearable:
        sys.stdout.write("FAILED: an answer's time tells who has an account, or others waited for sign-ins\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
