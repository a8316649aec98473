"""`make soak`: round after round of faults under load, until they are done or one of them finds something wrong.

python -m tests.faults.soak [--rounds 200] [--seed SEED] [--start NUMBER]
"""

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from tests.faults.legs import LEG_ROUNDS, Failed, Round, run_leg

ROUNDS = 200


def main() -> int:
    """0 when all held; 1 with what was found, and where the data is kept to be looked at."""
    given = _arguments()
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    say(f"{given.rounds} rounds of faults, seed {given.seed}")
    facts = 0
    for start in range(given.start, given.start + given.rounds, LEG_ROUNDS):
        numbers = range(start, min(start + LEG_ROUNDS, given.start + given.rounds))
        folder = Path(tempfile.mkdtemp(prefix="streamly-soak-"))
        try:
            facts += run_leg(folder, [Round(given.seed, number) for number in numbers], say)
        except Failed as failed:
            say(f"FAILED in {failed}\n  data and logs: {folder}")
            say(f"  again: python -m tests.faults.soak --seed {given.seed} --start {start} --rounds {len(numbers)}")
            return 1
        except KeyboardInterrupt:
            shutil.rmtree(folder, ignore_errors=True)
            say(f"interrupted in rounds {numbers.start} to {numbers.stop - 1} of seed {given.seed}")
            return 130
        shutil.rmtree(folder, ignore_errors=True)
    minutes = (time.monotonic() - began) / 60
    say(f"{given.rounds} rounds held, seed {given.seed}: {facts:,} facts in {minutes:.1f} minutes")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description="Rounds of faults under load.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many (default: %(default)s)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of an earlier run, to repeat it")
    parser.add_argument("--start", type=int, default=0, help="the number of the first round (default: %(default)s)")
    return parser.parse_args()


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
