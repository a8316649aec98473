"""What the server writes: kept in one file of a limited size, and quoted when a start fails."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SIZE_LIMIT_BYTES = 10_000_000
QUOTED_BYTES = 8_000
LINE_PREFIX = re.compile(r"^\S+ \S+ UTC \[\d+\] ")
TELLING = re.compile(r"FATAL|PANIC|ERROR|HINT|could not|cannot|denied|error:")


def telling_words(text: str) -> str:
    """Of what a program of PostgreSQL wrote, the first and the last line that name an error, or else the last line."""
    lines = [LINE_PREFIX.sub("", line).strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if TELLING.search(line)] or lines[-1:]
    return "; ".join(dict.fromkeys([*telling[:1], *telling[-1:]])).rstrip(".")


@dataclass(frozen=True)
class ServerLog:
    """The file `postgres.log`. Once it has grown past 10 MB the next server begins a new one; one old one is kept."""

    path: Path

    def length(self) -> int:
        """In bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def open(self) -> BinaryIO:
        if self.length() > SIZE_LIMIT_BYTES:
            self.path.replace(self.path.with_name("postgres.log.1"))
        return self.path.open("ab")

    def telling_words(self, since: int) -> str:
        """Of what came after that many bytes."""
        if since >= self.length():
            return ""
        with self.path.open("rb") as log:
            log.seek(max(since, log.seek(0, os.SEEK_END) - QUOTED_BYTES))
            return telling_words(log.read().decode(errors="replace"))
