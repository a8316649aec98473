"""The API as a client app calls it."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import httpx

TIMEOUT_SECONDS = 35.0
POLL_SECONDS = 0.1
CHUNK_BYTES = 1 << 20


class UnexpectedAnswer(Exception):
    """The API did not answer as it should; the message says what it said."""


class Client:
    """One person's client: every answer is checked, and given as its JSON."""

    def __init__(self, address: str, *, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_SECONDS)
        self.position = 0
        """The newest position that this client has seen; its reads ask for at least that much."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def signed_in(self, token: str) -> "Client":
        return Client(str(self._http.base_url), token=token)

    def get(self, path: str, *, expect: int = 200, **query: str) -> Any:
        headers = {"Ledger-Position": str(self.position)} if self.position else {}
        return self._checked(self._http.get(path, params=query, headers=headers), expect)

    def post(self, path: str, body: object = None, *, expect: int = 200) -> Any:
        return self._checked(self._http.post(path, json=body), expect)

    def upload(self, url: str, file: Path, *, on_bytes: Callable[[int], None]) -> None:
        """PUT a file in pieces."""
        answer = self._http.put(url, content=_pieces(file, on_bytes), timeout=600)
        self._checked(answer, 204)

    def status_of(self, url: str) -> int:
        """What a bare request to an address is answered with."""
        return httpx.get(url, timeout=TIMEOUT_SECONDS).status_code

    def submit(self, url: str, **form: str) -> str:
        """Send a form, as a browser does; where it is sent on to."""
        answer = httpx.post(url, data=form, timeout=TIMEOUT_SECONDS, follow_redirects=False)
        if answer.status_code != HTTPStatus.SEE_OTHER:
            raise UnexpectedAnswer(f"the page answered {answer.status_code} instead of 303")
        return answer.headers["location"]

    def _checked(self, answer: httpx.Response, expect: int) -> Any:
        if answer.status_code != expect:
            said = f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}"
            raise UnexpectedAnswer(f"{said} instead of {expect}: {answer.text[:500]}")
        self.position = max(self.position, int(answer.headers.get("Ledger-Position", "0")))
        return answer.json() if answer.content else None


def _pieces(file: Path, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            yield chunk
            on_bytes(len(chunk))


def wait_until(happened: Callable[[], Any], what: str, *, timeout_seconds: float) -> Any:
    """The first true answer. Raises UnexpectedAnswer when time runs out."""
    deadline = time.monotonic() + timeout_seconds
    while not (answer := happened()):
        if time.monotonic() > deadline:
            raise UnexpectedAnswer(f"{what} did not happen in {timeout_seconds:.0f} s")
        time.sleep(POLL_SECONDS)
    return answer
