"""`python -m benchmarks`: an embedded PostgreSQL, every contest in interleaved rounds, a table and a JSON file."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import click
from uvicorn.loops.auto import auto_loop_factory

from adapters.embedded_postgres import EmbeddedPostgresUnavailable
from benchmarks.append import append
from benchmarks.commit_to_visible import commit_to_visible, read_your_writes
from benchmarks.contest import Contest, Row, hold
from benchmarks.machine import Others, describe
from benchmarks.project_live import project_live
from benchmarks.rebuild import rebuild
from benchmarks.report import Report, table, write
from benchmarks.workbench import Options, Workbench, workbench

LATEST = Path(__file__).parent / "results" / "latest.json"

Benchmark = Callable[[Workbench, Options], AbstractAsyncContextManager[Contest]]

BENCHMARKS: dict[str, Benchmark] = {
    "append_1": partial(append, callers=1),
    "append_16": partial(append, callers=16),
    "append_64": partial(append, callers=64),
    "project_live": project_live,
    "rebuild": rebuild,
    "commit_to_visible": commit_to_visible,
    "read_your_writes": read_your_writes,
}


@click.command()
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="Counted, after one more.")
@click.option("--seconds", type=click.FloatRange(0.05, 60), default=1.0, show_default=True, help="To a timed round.")
@click.option("--facts", type=click.IntRange(4, 10_000_000), default=50_000, show_default=True, help="To project.")
@click.option("--only", type=click.Choice(list(BENCHMARKS)), multiple=True, help="This one; may be said again.")
@click.option("--output", type=click.Path(path_type=Path), help=f"Where the JSON goes; whole runs: {LATEST.name}.")
def main(rounds: int, seconds: float, facts: int, only: tuple[str, ...], output: Path | None) -> None:
    """Measure the ledger beside the eventsourcing library and pgbench; about three minutes on two quiet cores."""
    options = Options(rounds, seconds, facts)
    destination = output or (None if only else LATEST)
    others = Others()
    try:
        with workbench() as bench:
            machine = describe(bench)
            rows = _on_the_loop_that_serves(bench, options, only or tuple(BENCHMARKS))
    except EmbeddedPostgresUnavailable as unavailable:
        raise click.ClickException(str(unavailable)) from None
    report = Report(machine=machine, others_share=others.share(), options=options, rows=rows)
    print(table(report))
    if destination is not None:
        write(destination, report)


def _on_the_loop_that_serves(bench: Workbench, options: Options, names: Sequence[str]) -> list[Row]:
    """uvicorn's choice, which is uvloop where there is one."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(_hold_all(bench, options, names))


async def _hold_all(bench: Workbench, options: Options, names: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        async with BENCHMARKS[name](bench, options) as contest:
            rows += await hold(contest, rounds=options.rounds, on_round=partial(_say, options.rounds))
    return rows


def _say(rounds: int, name: str, number: int) -> None:
    """To standard error, so that the table can be piped."""
    print(f"{name}: {f'round {number} of {rounds}' if number else 'warming up'}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
