"""What a writer asked for and what it was answered, on file before it goes on: a killed one has not forgotten."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from uuid import UUID

import msgspec


class Asked(msgspec.Struct, frozen=True, tag="asked", array_like=True):
    """An append that is about to be made: by fact ids, or by the request that makes facts of its own.

    `alone`: nobody else writes to its streams, so that it can be refused for no good reason.
    """

    number: int
    facts: tuple[UUID, ...] = ()
    request: str = ""
    claim: str = ""
    fence: str = ""
    alone: bool = False


Outcome = Literal["recorded", "refused", "unavailable", "unknown"]


class Answered(msgspec.Struct, frozen=True, tag="answered", array_like=True):
    """How it ended. `refused` and `unavailable` promise that nothing was recorded; `unknown` promises nothing."""

    number: int
    outcome: Outcome
    seconds: float
    position: int = 0
    """Of the last fact, where it was recorded."""
    why: str = ""


class Wrong(msgspec.Struct, frozen=True, tag="wrong", array_like=True):
    """Something that must not be was seen."""

    what: str


Entry = Asked | Answered | Wrong

DECODER = msgspec.json.Decoder(Entry)


class Journal:
    """The file of one run of one process; each line is with the kernel before `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, entry: Entry) -> None:
        os.write(self._file, msgspec.json.encode(entry) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


class JournalReader:
    """Reads what has been written since it last looked; half a line is left for the next time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_bytes = 0

    def new(self) -> Iterator[Entry]:
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read_bytes += len(line)
                yield DECODER.decode(line)
