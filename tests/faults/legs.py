"""Rounds of faults on one database, told line by line; after some of them everything is looked at."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.faults.faults import Fault, any_fault
from tests.faults.judgement import judge, judge_by_folding, judge_generations, judge_read_models
from tests.faults.site import Site

LEG_ROUNDS = 20
"""Then a new database is begun, so that a round costs the same however many there are."""
LOOK_EVERY = 5
LOAD_SECONDS = (0.1, 0.8)
"""For so long everybody works before a fault strikes."""

Say = Callable[[str], None]


class Failed(AssertionError):
    """What was found wrong, after which round of which seed."""


class Round(NamedTuple):
    """One round; the seed and the number give the same fault after the same delay."""

    seed: str
    number: int

    @property
    def dice(self) -> Random:
        return Random(f"{self.seed}/{self.number}")  # noqa: S311 - a story


def run_leg(folder: Path, rounds: Sequence[Round], say: Say, fault: Fault | None = None) -> int:
    """All the rounds, with a look at everything at the end; how many facts there are then. Raises Failed.

    With a fault given each of the rounds is of that kind.
    """
    first = rounds[0]
    with _named(first), Site(folder, f"{first.seed}/{first.number}") as site:
        for each in rounds:
            with _named(each):
                run_round(site, each, say, fault)
                if (each.number + 1) % LOOK_EVERY == 0:
                    _insist(each, judge(site) + judge_read_models(site))
        last = rounds[-1]
        with _named(last):
            site.rest()
            _insist(last, judge(site) + judge_read_models(site) + judge_generations(site) + judge_by_folding(site))
        say(f"  {site.head():,} facts: none lost, doubled or out of order; the read models equal a rebuild")
        say(f"  {told(site)}")
        return site.head()


def run_round(site: Site, each: Round, say: Say, fault: Fault | None = None) -> None:
    """Work, fault, recovery, and a look at what was acknowledged. Raises Failed, NotWell."""
    dice = each.dice
    chosen = fault or any_fault(dice)
    time.sleep(dice.uniform(*LOAD_SECONDS))
    began = time.monotonic()
    troubles = chosen.act(site, dice)
    struck = time.monotonic() - began
    seconds = site.recover()
    times = f"{struck:4.1f} s, well again after {seconds:4.1f} s"
    say(f"  {each.number:>5}  {chosen.words:<39} {times}  {site.head():>9,} facts")
    _insist(each, troubles + judge(site))


def told(site: Site) -> str:
    """How the appends ended, for whoever wonders whether the faults struck anything."""
    outcomes = Counter(answer.outcome for run in site.runs for answer in run.answered.values())
    unanswered = sum(len(run.asked) - len(run.answered) for run in site.runs)
    words = [f"{count:,} {outcome}" for outcome, count in outcomes.most_common()]
    ended = [f"the {each.name} ended by itself {each.ended_by_itself} times" for each in (site.api, site.worker)]
    return ", ".join([*words, f"{unanswered:,} unanswered", *(words for words in ended if " 0 " not in words)])


def _insist(each: Round, troubles: list[str]) -> None:
    if troubles:
        raise Failed(f"round {each.number} of seed {each.seed}:\n  " + "\n  ".join(troubles))


@contextmanager
def _named(each: Round) -> Iterator[None]:
    """Whatever goes wrong inside says in which round."""
    try:
        yield
    except Failed:
        raise
    except Exception as error:
        raise Failed(f"round {each.number} of seed {each.seed}: {error!r}") from error
