"""`streamly audit history`: the ledger as lines of JSON, however long it is, in memory that does not grow."""

import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from application.audit import ReplayCutShort
from application.ports.ledger import POSITION_MAX, HistoryFilter, Recorded, Unreadable
from domain.facts import FACTS
from entrypoints.cli.endings import INTERRUPTED, NOT_WELL
from entrypoints.cli.house import in_house
from entrypoints.cli.moments import MOMENT, SUCH_AS
from entrypoints.http.audit_views import event_view
from entrypoints.wiring import House

BLOCK_BYTES = 64 * 1024
POSITION = click.IntRange(0, POSITION_MAX)

OnProgress = Callable[[int, int], None]


@click.command()
@click.option("--stream", type=click.UUID, help="Of one stream: an account, a subscription, a video.")
@click.option("--account", type=click.UUID, help="About one account.")
@click.option("--type", help="Of one kind, such as subscription.renewed.")
@click.option("--from", "since", type=MOMENT, help=f"Recorded at this time or later{SUCH_AS}")
@click.option("--to", "until", type=MOMENT, help=f"Recorded before this time{SUCH_AS}")
@click.option("--after", type=POSITION, default=0, help="Beyond this position.")
@click.option("--up-to", type=POSITION, help="Up to this position.")
@click.option("--limit", type=click.IntRange(1), help="The first so many.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Into a file, with a bar; - is stdout.")
@click.option("--sealed", is_flag=True, help="Without what is personal, as auditors see it.")
@click.option("--stored", is_flag=True, help="With the stored bytes in base64: what proofs cover.")
@click.option("--json", "_as_json", is_flag=True, help="As it is anyway.")
def history(*, limit: int | None, out: Path | None, sealed: bool, stored: bool, _as_json: bool, **asked: Any) -> None:
    """The ledger in its order, one fact to a line, as `GET /v1/audit/events` shows it to an admin.

    It ends with what was recorded when it began. Where the database goes away it waits and goes on; where that takes
    too long it ends with 3, and says after which position to go on. A fact that cannot be read is a line too, with
    the reason and the stored bytes; the command then ends with 1 and says how many there were.
    """
    view = partial(event_view, masked=sealed, stored=stored)
    wanted = HistoryFilter(**asked)
    if out is None or str(out) == "-":
        with _ending_quietly():
            lines = Lines(sys.stdout.buffer, view, limit)
            in_house(lambda house: _replay(house, wanted, lines), prepare=False)
    else:
        with _ending_quietly(), _progress_bar() as show, _written_whole(out) as target:
            lines = Lines(target, view, limit)
            in_house(lambda house: _replay(house, wanted, lines, show), prepare=False)
        click.echo(f"{lines.count} facts in {out}", err=True)
    _tell_of(lines, wanted)


def _tell_of(lines: "Lines", wanted: HistoryFilter) -> None:
    if lines.unreadable:
        click.echo(f"streamly: {lines.unreadable} facts cannot be read, first {lines.first_unreadable}", err=True)
        raise SystemExit(NOT_WELL)
    if not lines.count and wanted.type is not None and wanted.type not in FACTS:
        click.echo(f"streamly: no fact has the type {wanted.type!r}", err=True)


class Lines:
    """Facts as lines, written in blocks of whole lines."""

    def __init__(self, target: BinaryIO, view: Callable[[Recorded | Unreadable], object], limit: int | None) -> None:
        self._target, self._view, self._limit = target, view, limit
        self._block = bytearray()
        self.count = 0
        self.unreadable = 0
        self.first_unreadable = ""

    @property
    def are_enough(self) -> bool:
        return self.count == self._limit

    def add(self, recorded: Recorded | Unreadable) -> bool:
        """Whether a block has been written."""
        if isinstance(recorded, Unreadable):
            self.first_unreadable = self.first_unreadable or f"the one at {recorded.position}: {recorded.reason}"
            self.unreadable += 1
        self._block += msgspec.json.encode(self._view(recorded)) + b"\n"
        self.count += 1
        if full := len(self._block) >= BLOCK_BYTES:
            self.flush()
        return full

    def flush(self) -> None:
        self._target.write(self._block)
        self._target.flush()
        self._block.clear()


async def _replay(house: House, wanted: HistoryFilter, lines: Lines, show: OnProgress | None = None) -> None:
    # At once, also while a write waits for a reader; asyncio's own handler would let that write go on waiting.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    bounds = await house.audit.bounded(wanted)
    assert bounds.up_to is not None, "it is bounded"
    try:
        async with aclosing(house.audit.replay(bounds)) as facts:
            async for recorded in facts:
                written = lines.add(recorded)
                if written and show:
                    show(recorded.position - bounds.after, bounds.up_to - bounds.after)
                if lines.are_enough:
                    break
    except ReplayCutShort:
        lines.flush()
        raise
    lines.flush()


@contextmanager
def _ending_quietly() -> Iterator[None]:
    """Who reads has read enough, or whoever asked has: neither is a failure to be told of."""
    try:
        yield
    except BrokenPipeError:
        _leave_output()
    except KeyboardInterrupt:
        _leave_output()
        raise SystemExit(INTERRUPTED) from None


def _leave_output() -> None:
    """What is still held for standard output has nobody to go to, and must not be waited for."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def _progress_bar() -> Iterator[OnProgress]:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("history", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def _written_whole(out: Path) -> Iterator[BinaryIO]:
    """A file that has its name once all of it is there; what was cut short keeps `.part` behind the name.

    Raises OSError, also where another command is writing it.
    """
    if out.exists() and not out.is_file():
        with out.open("wb") as target:
            yield target
        return
    if not out.parent.is_dir():
        raise click.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    part = out.with_name(f"{out.name}.part")
    with _held(out, part) as target:
        try:
            yield target
        except BaseException:
            click.echo(f"streamly: cut short; what there is lies in {part}", err=True)
            raise
        part.replace(out)


def _held(out: Path, part: Path) -> BinaryIO:
    """The part, empty, and locked against other commands for as long as it is open: the kernel ends a lock.

    Raises OSError, also where another command holds it.
    """
    try:
        target = part.open("ab")
        is_ours = _is_ours(target, part)
    except OSError as refused:
        raise OSError(f"{out} cannot be written, by way of {part.name} beside it: {refused.strerror}") from refused
    if not is_ours:
        target.close()
        raise OSError(f"{out} is being written by another command")
    target.truncate(0)
    return target


def _is_ours(target: BinaryIO, part: Path) -> bool:
    try:
        fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who held it until now may have given it its name: then this is the whole file, and no part.
        return os.path.samestat(part.stat(), os.fstat(target.fileno()))
    except (BlockingIOError, FileNotFoundError):
        return False
