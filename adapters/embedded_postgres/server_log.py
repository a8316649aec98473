"""What the server writes: kept in one file of a limited size, and quoted when a start fails."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

SIZE_LIMIT_BYTES = 10_000_000
QUOTED_BYTES = 8_000
QUOTED_LINES = 2
TELLING = re.compile(r"(?:FATAL|PANIC|ERROR|HINT): .*|.*(?:could not|cannot|ermission denied).*")


@dataclass(frozen=True)
class ServerLog:
    """The file `postgres.log`; when it has grown past 10 MB the next server begins a new one, and one old one is kept."""

    path: Path

    def begin(self) -> int:
        """Where the next server's lines will begin, in bytes."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size <= SIZE_LIMIT_BYTES:
            return size
        self.path.replace(self.path.with_name("postgres.log.1"))
        return 0

    def last_words(self, since: int = 0) -> str:
        """The last lines from byte `since` on that name an error, or else the last ones; on one line."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(since, size - QUOTED_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        telling = [match[0] for line in lines if (match := TELLING.search(line))]
        return "; ".join((telling or lines)[-QUOTED_LINES:])
