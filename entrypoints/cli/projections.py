"""`streamly projections`: how the read models stand, building them anew, comparing them, and going back."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from datetime import timedelta
from operator import attrgetter
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from application.projections.every import PROJECTIONS
from entrypoints.cli.endings import NOT_WELL
from entrypoints.cli.house import in_house
from entrypoints.cli.output import AS_JSON, print_json, print_rows
from entrypoints.wiring import Dropped, House, RebuildUnderWay, Rebuilt, Verified

NAME = click.Choice(sorted(PROJECTIONS))
NAMES = click.argument("names", metavar="[NAME]...", type=NAME, nargs=-1)
SHOWN = ("name", "generation", "version", "position", "lag", "state", "kept", "rebuilding")
FOR_PROGRAMS = (*SHOWN, "rebuild_requested", "rebuild_error", "trouble")

T = TypeVar("T")


@click.group()
def projections() -> None:
    """The read models: how far they are, and building them anew from the ledger."""


@projections.command("list")
@AS_JSON
def list_projections(*, as_json: bool) -> None:
    """Every read model, its position, how many facts it is behind, and the generations kept to roll back to."""

    async def read(house: House) -> Sequence[Any]:
        return await house.projections.statuses()

    statuses = in_house(read, prepare=False)
    if as_json:
        print_rows(statuses, as_json=True, columns={name: attrgetter(name) for name in FOR_PROGRAMS})
        return
    shown: dict[str, Callable[[Any], object]] = {name: attrgetter(name) for name in SHOWN}
    print_rows(statuses, as_json=False, columns=shown | {"kept": _kept, "rebuilding": _rebuilding})
    for status in statuses:
        _say_what_is_wrong(status)
    if not statuses:
        click.echo("There are none yet: `streamly projections rebuild` makes them.")


@projections.command()
@NAMES
@AS_JSON
def rebuild(*, names: tuple[str, ...], as_json: bool) -> None:
    """Build read models anew from the whole ledger, beside the live ones, and swap; all, where none is named."""
    bars = _bars(hidden=as_json)

    async def build(house: House, name: str) -> Rebuilt:
        return await house.rebuilds.rebuild(name, on_progress=_bar_of(name, bars))

    _each(names, build, _say_rebuilt, as_json=as_json, bars=bars)


@projections.command()
@NAMES
@AS_JSON
def verify(*, names: tuple[str, ...], as_json: bool) -> None:
    """Build read models anew and compare them with the live ones, row by row; all, where none is named.

    Ends with 0 where all are alike, with 1 on a difference, with 3 where that could not be found out.
    """
    bars = _bars(hidden=as_json)

    async def compare(house: House, name: str) -> Verified:
        return await house.rebuilds.verify(name, on_progress=_bar_of(name, bars))

    verified = _each(names, compare, _say_verified, as_json=as_json, bars=bars)
    if any(each.differences for each in verified):
        raise SystemExit(NOT_WELL)


@projections.command()
@click.argument("name", type=NAME)
@AS_JSON
def rollback(*, name: str, as_json: bool) -> None:
    """Go back to the generation that was live before the last rebuild.

    For when what was rebuilt turns out to be wrong, or an older release is to run again: then stop the newer one
    first, and run this with the older. It takes moments, however long the ledger is: what was live has been kept in
    step, and only what a newer release has left behind is brought up to the head. Readers are not held up, and what
    is live now is kept: a second rollback goes forward again. Refused where nothing is kept, or another release has
    built it.
    """

    async def go_back(house: House, name: str) -> Rebuilt:
        return await house.rebuilds.rollback(name)

    _each((name,), go_back, _say_rolled_back, as_json=as_json)


@projections.command()
@NAMES
@click.option("--older-than-days", "days", type=click.IntRange(0, 3650), default=0, help="Only those kept so long.")
@AS_JSON
def drop(*, names: tuple[str, ...], days: int, as_json: bool) -> None:
    """Drop the generations that are kept to roll back to, of all read models where none is named.

    For when a rebuild has proved itself: a kept generation takes the disk of a read model, and every fact is written
    to it too. After this there is nothing to roll back to until the next rebuild. What is live stays, and so does
    what somebody reads right now; which, and who reads it, is told, so that it can be dropped later.
    """

    async def drop_kept(house: House, name: str) -> Dropped:
        return await house.rebuilds.drop_kept(name, older_than=timedelta(days=days))

    _each(names, drop_kept, _say_dropped, as_json=as_json)


def _each(
    names: tuple[str, ...],
    act: Callable[[House, str], Awaitable[T]],
    say: Callable[[T], str],
    *,
    as_json: bool,
    bars: Progress | None = None,
) -> list[T]:
    """Do it to each in turn. What was done is told, also where the next one is refused; nothing where nothing was."""
    done: list[T] = []

    async def all_of_them(house: House) -> None:
        with bars or nullcontext():
            for name in dict.fromkeys(names) or sorted(PROJECTIONS):
                try:
                    done.append(await act(house, name))
                except RebuildUnderWay as refused:
                    raise type(refused)(f"{refused}{await _how_far(house, name)}") from None

    try:
        in_house(all_of_them, prepare=False)
    finally:
        if as_json and done:
            print_json(done)
        elif not as_json:
            click.echo("".join(f"{say(each)}\n" for each in done), nl=False)
    return done


async def _how_far(house: House, name: str) -> str:
    """What is under way of it, in words."""
    statuses = await house.projections.statuses()
    found = next((each.rebuilding for each in statuses if each.name == name and each.rebuilding), None)
    if found is None:
        return ""
    return f" Generation {found.generation} has come to {found.position:,} of {found.target:,} facts."


def _bars(*, hidden: bool) -> Progress:
    """On standard error, with facts a second and the time that is left."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), FactsPerSecond())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=hidden)


def _bar_of(name: str, bars: Progress) -> Callable[[int, int], None]:
    task = bars.add_task(name, total=None)
    return lambda position, target: bars.update(task, completed=position, total=target)


class FactsPerSecond(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} facts/s" if task.speed else "", style="progress.data.speed")


def _kept(status: Any) -> str:
    return ", ".join(map(str, status.kept))


def _rebuilding(status: Any) -> str:
    if under_way := status.rebuilding:
        return f"{under_way.generation}: {under_way.progress:.0%}"
    return "requested" if status.rebuild_requested else ""


def _say_what_is_wrong(status: Any) -> None:
    if status.trouble:
        click.echo(f"{status.name} lacks a fact that it could not take, {status.trouble}")
    if status.rebuild_error:
        click.echo(f"{status.name} was not rebuilt when it was last asked for: {status.rebuild_error}")


def _say_rebuilt(rebuilt: Rebuilt) -> str:
    rate = rebuilt.facts / rebuilt.seconds if rebuilt.seconds else 0
    return (
        f"{rebuilt.name}: generation {rebuilt.generation} is live, from {rebuilt.facts:,} facts"
        f" in {rebuilt.seconds:.2f} s, {rate:,.0f} facts/s"
    )


def _say_rolled_back(rebuilt: Rebuilt) -> str:
    return f"{rebuilt.name}: generation {rebuilt.generation} is live again, at position {rebuilt.facts:,}"


def _say_dropped(dropped: Dropped) -> str:
    lines = [f"{dropped.name}: generation {number} dropped" for number in dropped.dropped]
    for stays in dropped.in_use:
        readers = ", ".join(map(str, stays.sessions)) or "gone by now"
        why = f"since it is being read (database sessions: {readers})"
        lines.append(f"{dropped.name}: generation {stays.generation} stays, {why}")
    return "\n".join(lines) or f"{dropped.name}: nothing to drop"


def _say_verified(verified: Verified) -> str:
    found = len(verified.differences)
    verdict = f"{found} differences, the first of them:" if found else "identical with a rebuild"
    lines = [f"{verified.name}: {verdict} (position {verified.position:,}, {verified.seconds:.2f} s)"]
    for difference in verified.differences:
        lines.append(f"  {difference.table} {difference.key}")
        lines.append(f"    live:    {difference.live or 'not there'}")
        lines.append(f"    rebuilt: {difference.rebuilt or 'not there'}")
    return "\n".join(lines)
