"""Clients who go on asking while the service is told to stop, and what became of their requests."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx

STEADY, FRESH = 6, 2
ASKED_SECONDS = 15.0
SLOW_SECONDS = 2.0
BODY = b'{"email": "anna@example.com", "password": "onion-soup-at-noon"}'


@dataclass
class Crowd:
    """What has been answered so far; who is let in no more leaves."""

    address: str
    told: bool = False
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    refused: int = 0
    readiness: list[str] = field(default_factory=list)
    slow: bytes = b""

    def ask_on(self, get: Callable[[str], httpx.Response], path: str, note: Callable[[httpx.Response], None]) -> None:
        until = time.monotonic() + ASKED_SECONDS
        while time.monotonic() < until:
            try:
                note(get(f"{self.address}{path}"))
            except httpx.ConnectError:
                self.refused += 1
                return
            except httpx.HTTPError as trouble:
                self.failed.append(repr(trouble))

    def steadily(self) -> None:
        with httpx.Client(timeout=ASKED_SECONDS) as client:
            self.ask_on(client.get, "/v1/plans", self._note)

    def afresh(self) -> None:
        self.ask_on(lambda url: httpx.get(url, timeout=ASKED_SECONDS), "/v1/plans", self._note)

    def whether_ready(self) -> None:
        self.ask_on(lambda url: httpx.get(url, timeout=ASKED_SECONDS), "/health/ready", self._note_readiness)

    def register_slowly(self) -> None:
        """A request whose body is half there when the service is told to stop, and whole 2 s later."""
        host, _, port = self.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=ASKED_SECONDS) as wire:
            head = "POST /v1/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
            wire.sendall(f"{head}{len(BODY)}\r\n\r\n".encode() + BODY[:20])
            while not self.told:
                time.sleep(0.01)
            time.sleep(SLOW_SECONDS)
            wire.sendall(BODY[20:])
            with suppress(OSError):
                while piece := wire.recv(65_536):
                    self.slow += piece

    def _note(self, answer: httpx.Response) -> None:
        self.answered += 1
        if answer.status_code != httpx.codes.OK:
            self.failed.append(answer.text)

    def _note_readiness(self, answer: httpx.Response) -> None:
        self.readiness.append(f"{answer.status_code} {answer.json()['checks']['process']}")


@contextmanager
def crowd_at(address: str) -> Iterator[Crowd]:
    """They ask on in threads; after it, all of them have left."""
    crowd = Crowd(address)
    with ThreadPoolExecutor(STEADY + FRESH + 2) as pool:
        doing = [crowd.steadily] * STEADY + [crowd.afresh] * FRESH + [crowd.whether_ready, crowd.register_slowly]
        asking = [pool.submit(each) for each in doing]
        try:
            yield crowd
        finally:
            crowd.told = True
    for each in asking:
        each.result()
