"""`make soak`: round after round of faults under load, then maintenance; until one of them finds something wrong.

python -m tests.faults.soak [--rounds 200] [--seed SEED] [--start NUMBER] [--only FAULT]
"""

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from tests.faults.faults import FAULTS, Fault
from tests.faults.legs import LEG_ROUNDS, Failed, Round, run_leg
from tests.faults.maintenance import measure

ROUNDS = 200
CALLERS, FACTS, SECONDS = 32, 100_000, 20.0
INTERRUPTED = 130


def main() -> int:
    """0 when all held; 1 with what was found, and where the data is kept to be looked at."""
    given = _arguments()
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    say(f"{given.rounds} rounds of faults, seed {given.seed}")
    try:
        fault = next((fault for fault in FAULTS if fault.words == given.only), None)
        facts = sum(_leg(given.seed, numbers, fault) for numbers in _legs(given.start, given.start + given.rounds))
        held = _maintenance()
    except Failed as failed:
        say(f"FAILED in {failed}")
        return 1
    except KeyboardInterrupt:
        say(f"interrupted; seed {given.seed}")
        return INTERRUPTED
    minutes = (time.monotonic() - began) / 60
    say(f"{given.rounds} rounds held, seed {given.seed}: {facts:,} facts in {minutes:.1f} minutes")
    return 0 if held else 1


def _legs(start: int, stop: int) -> Iterator[range]:
    """The same rounds share a database, wherever a run starts."""
    while start < stop:
        end = min(stop, start - start % LEG_ROUNDS + LEG_ROUNDS)
        yield range(start, end)
        start = end


def _leg(seed: str, numbers: range, fault: Fault | None) -> int:
    """How many facts there are in the end; what a failure leaves is kept. Raises Failed."""
    folder = Path(tempfile.mkdtemp(prefix="streamly-soak-"))
    try:
        facts = run_leg(folder, [Round(seed, number) for number in numbers], say, fault)
    except Failed as failed:
        (folder / "failure.txt").write_text("".join(traceback.format_exception(failed)))
        say(f"data and logs are kept: {folder}")
        say(f"again: make soak SEED={seed} START={numbers.start} ROUNDS={len(numbers)}")
        raise
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return facts


def _maintenance() -> bool:
    with tempfile.TemporaryDirectory(prefix="streamly-soak-") as folder:
        measured = measure(Path(folder), callers=CALLERS, facts=FACTS, seconds=SECONDS)
    say(f"maintenance with {CALLERS} callers on {FACTS:,} facts: {measured}")
    if not measured.held:
        say(f"FAILED: an append waited for longer than {measured.limit_seconds * 1000:.0f} ms")
    return measured.held


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description="Rounds of faults under load.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many (default: %(default)s)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of an earlier run, to repeat it")
    parser.add_argument("--start", type=int, default=0, help="the number of the first round (default: %(default)s)")
    parser.add_argument("--only", choices=[fault.words for fault in FAULTS], help="one kind of fault in every round")
    return parser.parse_args()


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
