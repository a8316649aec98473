"""`python -m benchmarks`: an embedded PostgreSQL, every contest in interleaved rounds, a table and a JSON file."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
from uvicorn.loops.auto import auto_loop_factory

from adapters.embedded_postgres import EmbeddedPostgresUnavailable
from benchmarks.append import append
from benchmarks.catalogue import catalogue
from benchmarks.commit_to_visible import commit_to_visible, read_your_writes
from benchmarks.contest import Outcome
from benchmarks.growth import append_growth, rebuild_growth
from benchmarks.ingest import ingest
from benchmarks.lag import lag
from benchmarks.machine import Machine, Others, describe
from benchmarks.playback import playback, playback_growth
from benchmarks.projection import projection
from benchmarks.report import Report, table, write
from benchmarks.segments import segments
from benchmarks.transcoding import transcoding
from benchmarks.workbench import Options, Workbench, workbench

LATEST = Path(__file__).parent / "results" / "latest.json"

WHOLE = Options(rounds=7, seconds=2.0, facts=1_000_000)
QUICK = Options(rounds=2, seconds=0.5, facts=50_000)

Say = Callable[[str, int], None]
Benchmark = Callable[[Workbench, Options, Say], Coroutine[Any, Any, Outcome]]

# In this order: what appends to the seeded ledgers comes after what rebuilds from them.
BENCHMARKS: dict[str, Benchmark] = {
    "append_1": partial(append, callers=1),
    "append_16": partial(append, callers=16),
    "append_64": partial(append, callers=64),
    "append_256": partial(append, callers=256),
    "projection": projection,
    "rebuild_growth": rebuild_growth,
    "append_growth": append_growth,
    "lag": lag,
    "commit_to_visible": commit_to_visible,
    "read_your_writes": read_your_writes,
    "ingest": ingest,
    "playback": playback,
    "playback_growth": playback_growth,
    "catalogue": catalogue,
    "segments": segments,
    "transcoding": transcoding,
}


@click.command()
@click.option("--rounds", type=click.IntRange(1, 100), help=f"Counted, after one more.  [default: {WHOLE.rounds}]")
@click.option(
    "--seconds", type=click.FloatRange(0.05, 60), help=f"To a round of appends.  [default: {WHOLE.seconds:g}]"
)
@click.option(
    "--facts",
    type=click.IntRange(200, 10_000_000),
    help=f"What 1M stands for; 100k and 10M are a tenth and ten times of it.  [default: {WHOLE.facts}]",
)
@click.option("--quick", is_flag=True, help=f"A look: {QUICK.rounds} rounds, {QUICK.seconds:g} s, {QUICK.facts} facts.")
@click.option("--only", type=click.Choice(list(BENCHMARKS)), multiple=True, help="This one; may be said again.")
@click.option("--output", type=click.Path(path_type=Path), help=f"Where the JSON goes; whole runs: {LATEST.name}.")
def main(
    *,
    rounds: int | None,
    seconds: float | None,
    facts: int | None,
    quick: bool,
    only: tuple[str, ...],
    output: Path | None,
) -> None:
    """Measure the ledger beside the eventsourcing library and pgbench, webhooks and playback beside the usual ways.

    About half an hour on two quiet cores.
    """
    usual = QUICK if quick else WHOLE
    options = Options(rounds or usual.rounds, seconds or usual.seconds, facts or usual.facts)
    destination = output or (None if quick or only or facts else LATEST)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = Run(options)
    try:
        run.hold(only or tuple(BENCHMARKS))
    except EmbeddedPostgresUnavailable as unavailable:
        raise click.ClickException(str(unavailable)) from None
    finally:
        if run.outcomes:
            print(table(run.report()))
    if destination is not None:
        write(destination, run.report())


class Run:
    """One run, and what it has found so far: a contest that fails takes nothing from those before it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.outcomes: dict[str, Outcome] = {}
        self._others = Others()
        self._machine: Machine | None = None

    def hold(self, names: Sequence[str]) -> None:
        """Raises EmbeddedPostgresUnavailable."""
        # uvicorn's choice, which is uvloop where there is one.
        with workbench() as bench, asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            self._machine = describe(bench)
            for name in names:
                self.outcomes[name] = runner.run(BENCHMARKS[name](bench, self.options, self._say))

    def report(self) -> Report:
        """When the server has ended."""
        assert self._machine is not None, "it was described before anything was measured"
        return Report(
            machine=self._machine,
            others_share=self._others.share(),
            options=self.options,
            rows=[row for outcome in self.outcomes.values() for row in outcome.rows],
            samples={name: outcome.samples for name, outcome in self.outcomes.items()},
        )

    def _say(self, name: str, number: int) -> None:
        """To standard error, so that the table can be piped."""
        what = f"round {number} of {self.options.rounds}" if number else "warming up"
        print(f"{name}: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
