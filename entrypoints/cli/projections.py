"""`streamly projections`: how the read models stand, building them anew, comparing them, and going back."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from application.projections.every import PROJECTIONS
from entrypoints.cli.house import in_house
from entrypoints.cli.output import AS_JSON, print_json, print_rows
from entrypoints.wiring import House, RebuildUnderWay, Rebuilt, Verified

NAME = click.Choice(sorted(PROJECTIONS))
NAMES = click.argument("names", metavar="[NAME]...", type=NAME, nargs=-1)
STATUS_COLUMNS = (
    "name",
    "generation",
    "version",
    "position",
    "lag",
    "state",
    "kept",
    "rebuilding",
    "rebuild_requested",
    "trouble",
)

T = TypeVar("T")
Report = Callable[[int, int], None]


@click.group()
def projections() -> None:
    """The read models: how far they are, and building them anew from the ledger."""


@projections.command("list")
@AS_JSON
def list_projections(*, as_json: bool) -> None:
    """Every read model, its position, how many facts it is behind, and the generations kept to roll back to."""

    async def read(house: House) -> Sequence[Any]:
        return await house.projections.statuses()

    columns: dict[str, Callable[[Any], object]] = {name: attrgetter(name) for name in STATUS_COLUMNS}
    if not as_json:
        columns |= {"kept": _kept, "rebuilding": _rebuilding}
    print_rows(in_house(read, prepare=False), as_json=as_json, columns=columns)


@projections.command()
@NAMES
@AS_JSON
def rebuild(*, names: tuple[str, ...], as_json: bool) -> None:
    """Build read models anew from the whole ledger, beside the live ones, and swap; all, where none is named."""

    async def build(house: House, name: str, report: Report) -> Rebuilt:
        return await house.rebuilds.rebuild(name, on_progress=report)

    _each(names, build, _say_rebuilt, as_json=as_json)


@projections.command()
@NAMES
@AS_JSON
def verify(*, names: tuple[str, ...], as_json: bool) -> None:
    """Build read models anew and compare them with the live ones, row by row; exit 1 on a difference."""

    async def compare(house: House, name: str, report: Report) -> Verified:
        return await house.rebuilds.verify(name, on_progress=report)

    verified = _each(names, compare, _say_verified, as_json=as_json)
    if any(each.differences for each in verified):
        raise SystemExit(1)


@projections.command()
@click.argument("name", type=NAME)
@AS_JSON
def rollback(*, name: str, as_json: bool) -> None:
    """Go back to the generation that was live before the last rebuild; it has been fed all the time."""

    async def go_back(house: House, name: str, _: Report) -> Rebuilt:
        return await house.rebuilds.rollback(name)

    _each((name,), go_back, _say_rolled_back, as_json=as_json)


@projections.command()
@NAMES
@click.option("--older-than-days", "days", type=click.FloatRange(0, 3650), default=0.0, help="Only those kept longer.")
@AS_JSON
def drop(*, names: tuple[str, ...], days: float, as_json: bool) -> None:
    """Drop the generations that are kept to roll back to: each costs the writes of a read model."""

    async def drop_kept(house: House, name: str, _: Report) -> dict[str, Any]:
        return {"name": name, "dropped": await house.rebuilds.drop_kept(name, older_than=timedelta(days=days))}

    _each(names, drop_kept, lambda each: f"{each['name']}: {each['dropped']} dropped", as_json=as_json)


def _each(
    names: tuple[str, ...],
    act: Callable[[House, str, Report], Awaitable[T]],
    say: Callable[[T], str],
    *,
    as_json: bool,
) -> list[T]:
    """Do it to each in turn. What was done is told, also where the next one is refused."""
    done: list[T] = []

    async def all_of_them(house: House) -> None:
        with _progress(hidden=as_json) as begin:
            for name in dict.fromkeys(names) or sorted(PROJECTIONS):
                try:
                    done.append(await act(house, name, begin(name)))
                except RebuildUnderWay as refused:
                    raise type(refused)(f"{refused}{await _how_far(house, name)}") from None

    try:
        in_house(all_of_them, prepare=False)
    finally:
        if as_json:
            print_json(done)
        else:
            click.echo("".join(f"{say(each)}\n" for each in done), nl=False)
    return done


async def _how_far(house: House, name: str) -> str:
    """What is under way of it, in words."""
    statuses = await house.projections.statuses()
    found = next((each.rebuilding for each in statuses if each.name == name and each.rebuilding), None)
    if found is None:
        return ""
    return f" Generation {found.generation} has come to {found.position:,} of {found.target:,} facts."


@contextmanager
def _progress(*, hidden: bool) -> Iterator[Callable[[str], Report]]:
    """Bars on standard error, with facts a second and the time that is left; gives what makes one by its name."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), FactsPerSecond())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=hidden) as progress:

        def begin(name: str) -> Report:
            task = progress.add_task(name, total=None)
            return partial(_report, progress, task)

        yield begin


def _report(progress: Progress, task: Any, position: int, target: int) -> None:
    progress.update(task, completed=position, total=target)


class FactsPerSecond(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} facts/s" if task.speed else "", style="progress.data.speed")


def _kept(status: Any) -> str:
    return ", ".join(map(str, status.kept))


def _rebuilding(status: Any) -> str:
    under_way = status.rebuilding
    return f"{under_way.generation}: {under_way.progress:.0%}" if under_way else ""


def _say_rebuilt(rebuilt: Rebuilt) -> str:
    rate = rebuilt.facts / rebuilt.seconds if rebuilt.seconds else 0
    return (
        f"{rebuilt.name}: generation {rebuilt.generation} is live, from {rebuilt.facts:,} facts"
        f" in {rebuilt.seconds:.2f} s, {rate:,.0f} facts/s"
    )


def _say_rolled_back(rebuilt: Rebuilt) -> str:
    return f"{rebuilt.name}: generation {rebuilt.generation} is live again, at position {rebuilt.facts:,}"


def _say_verified(verified: Verified) -> str:
    found = len(verified.differences)
    verdict = f"{found} differences, the first of them:" if found else "identical with a rebuild"
    lines = [f"{verified.name}: {verdict} (position {verified.position:,}, {verified.seconds:.2f} s)"]
    for difference in verified.differences:
        lines.append(f"  {difference.table} {difference.key}")
        lines.append(f"    live:    {difference.live or 'not there'}")
        lines.append(f"    rebuilt: {difference.rebuilt or 'not there'}")
    return "\n".join(lines)
