"""A process that writes over HTTP and reads what it wrote; each request has an id, which the facts keep as their cause.

    python -m tests.faults.visitor JOURNAL SEED ADDRESS ADMIN_EMAIL PASSWORD VIDEO...

VIDEO are ready ones, one to a visitor, which it alone publishes and takes back.
"""

import asyncio
import signal
import sys
import time
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx

from entrypoints.cli.children import end_with_parent
from tests.faults.journal import Answered, Asked, Journal, Wrong

PASSWORD = "a lighthouse in the fog"
ANSWER_SECONDS_MAX = 25.0
PAUSE_SECONDS = 0.03
AFTER_TROUBLE_SECONDS = 0.1
NOT_NOW = 503


class Visitor:
    """One who does one thing after the other; after an answer that says nothing, the same thing again."""

    def __init__(self, http: httpx.AsyncClient, journal: Journal, numbers: "count[int]", run: str, video: str) -> None:
        self._http = http
        self._journal = journal
        self._numbers = numbers
        self._run = run
        self._video = video
        self._published = False
        self._video_is_known = True

    async def act(self, dice: Random) -> None:
        match dice.choices(("video", "publish", "account"), (60, 35, 5))[0]:
            case "video":
                await self._make_video()
            case "publish":
                await self._publish_or_take_back()
            case _:
                await self._register()
        await asyncio.sleep(dice.expovariate(1 / PAUSE_SECONDS))

    async def _make_video(self) -> None:
        body = {"title": f"Lighthouse {next(self._numbers)}", "access": "free"}
        answer = await self._post("/v1/admin/videos", body)
        if answer is not None and answer.status_code == httpx.codes.CREATED:
            await self._read_own(answer.json()["video"]["id"], answer.headers["Ledger-Position"], status="waiting")

    async def _publish_or_take_back(self) -> None:
        """A fact each time, unless it is asked again after nobody knows what."""
        verb = "unpublish" if self._published else "publish"
        answer = await self._post(f"/v1/admin/videos/{self._video}/{verb}", None, alone=self._video_is_known)
        self._video_is_known = answer is not None and answer.status_code == httpx.codes.OK
        if answer is not None and self._video_is_known:
            self._published = not self._published
            status = "published" if self._published else "ready"
            await self._read_own(self._video, answer.headers["Ledger-Position"], status=status)

    async def _register(self) -> None:
        """With one address until an answer comes: then it is registered, by this request or by an earlier one."""
        body = {"email": f"{self._run}-{next(self._numbers)}@example.com", "password": PASSWORD}
        for attempt in count():
            answer = await self._post("/v1/auth/register", body)
            if answer is not None and answer.status_code == httpx.codes.CREATED:
                return
            if answer is not None and answer.status_code == httpx.codes.CONFLICT:
                if attempt == 0:
                    self._journal.write(Wrong(f"an address of which nobody knew was taken: {answer.text}"))
                return
            await asyncio.sleep(AFTER_TROUBLE_SECONDS)

    async def _read_own(self, video: str, position: str, *, status: str) -> None:
        """A read that names the position sees it, or says that it cannot yet."""
        try:
            answer = await self._http.get(f"/v1/videos/{video}", headers={"Ledger-Position": position})
        except httpx.HTTPError:
            return
        if answer.status_code == NOT_NOW:
            return
        if answer.status_code != httpx.codes.OK or answer.json()["status"] != status:
            self._journal.write(Wrong(f"video {video} at {position} is not {status}: {answer.text}"))

    async def _post(self, path: str, body: Any, *, alone: bool = True) -> httpx.Response | None:
        """None where nobody knows what has become of it, and after a 503: what was recorded may not have been read."""
        number, started = next(self._numbers), time.monotonic()
        request = f"{self._run}-{number}"
        self._journal.write(Asked(number, request=request, alone=alone))
        try:
            answer = await self._http.post(path, json=body, headers={"X-Request-ID": request})
        except httpx.HTTPError as lost:
            self._answered(number, started, "unknown", why=repr(lost))
            await asyncio.sleep(AFTER_TROUBLE_SECONDS)
            return None
        if answer.is_success:
            self._answered(number, started, "recorded", position=int(answer.headers["Ledger-Position"]))
            return answer
        if answer.status_code == httpx.codes.CONFLICT:
            self._answered(number, started, "refused", why=answer.text)
            return answer
        self._answered(number, started, "unknown", why=f"{answer.status_code} {answer.text[:300]}")
        if answer.status_code != NOT_NOW:
            self._journal.write(Wrong(f"{path} answered {answer.status_code}: {answer.text}"))
        await asyncio.sleep(AFTER_TROUBLE_SECONDS)
        return None

    def _answered(self, number: int, started: float, outcome: Any, *, position: int = 0, why: str = "") -> None:
        seconds = time.monotonic() - started
        self._journal.write(Answered(number, outcome, round(seconds, 4), position, why))
        if seconds > ANSWER_SECONDS_MAX:
            self._journal.write(Wrong(f"a request was answered after {seconds:.1f} s: {outcome} {why}"))


async def signed_in(address: str, email: str, password: str) -> str:
    """An access token, asked for until it comes."""
    async with httpx.AsyncClient(base_url=address, timeout=20) as http:
        while True:
            try:
                answer = await http.post("/v1/auth/login", json={"email": email, "password": password})
            except httpx.HTTPError:
                await asyncio.sleep(AFTER_TROUBLE_SECONDS)
                continue
            if answer.is_success:
                return str(answer.json()["access_token"])
            await asyncio.sleep(AFTER_TROUBLE_SECONDS)


async def visit(journal: Path, seed: str, address: str, email: str, password: str, videos: list[str]) -> None:
    """Until SIGTERM."""
    headers = {"Authorization": f"Bearer {await signed_in(address, email, password)}"}
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    numbers, run = count(1), journal.stem

    async def one(video: str) -> None:
        dice = Random(f"{seed}/{video}")  # noqa: S311 - a story
        async with httpx.AsyncClient(base_url=address, timeout=20, headers=headers) as http:
            visitor = Visitor(http, kept, numbers, run, video)
            while not stopped.is_set():
                await visitor.act(dice)

    with Journal(journal) as kept:
        async with asyncio.TaskGroup() as tasks:
            for video in videos:
                tasks.create_task(one(video))


def main(journal: str, seed: str, address: str, email: str, password: str, *videos: str) -> None:
    end_with_parent()
    asyncio.run(visit(Path(journal), seed, address, email, password, list(videos)))


if __name__ == "__main__":
    main(*sys.argv[1:])
