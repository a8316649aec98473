"""`python -m benchmarks.rebuilding DSN`: one rebuild of the catalogue in a process of its own; prints its figures."""

import resource
import sys
from pathlib import Path

import msgspec

from benchmarks.contest import RSS
from benchmarks.projection import rebuilt


def peak_rss_mib() -> float:
    """Of this process. On Linux not `ru_maxrss`: that counts what the parent had when it made this one, too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    figures = rebuilt(sys.argv[1])
    sys.stdout.buffer.write(msgspec.json.encode({**figures, RSS: peak_rss_mib()}))
