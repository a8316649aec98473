"""A run as a table for people, and as JSON for programs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.bar import BARS
from benchmarks.contest import Row, Samples, Skipped
from benchmarks.machine import Machine
from benchmarks.workbench import Options

HEADINGS = ("", "unit", "ours", "theirs", "ratio", "middle half", "bar", "reach", "")
WIDTHS = (30, 10, 10, 10, 8, 17, 8, 6, 7)

LEGEND = (
    "ratio: ours / theirs of the same round, the median over the rounds and its middle half; without theirs, the"
    " figure itself"
)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to disk."""

    machine: Machine
    others_share: float | None
    """Of the cores, used by others while it was measured."""
    options: Options
    rows: Sequence[Row | Skipped]
    samples: Mapping[str, Samples]
    """By contest: what each contestant's counted rounds gave."""


def table(report: Report) -> str:
    lines = [_measured_on(report), "", _line(HEADINGS), *(_told(row) for row in report.rows), "", LEGEND]
    return "\n".join(lines)


def _measured_on(report: Report) -> str:
    machine, options = report.machine, report.options
    others = "" if report.others_share is None else f", others used {report.others_share:.0%} of the cores"
    sizes = "" if options.facts == 1_000_000 else f"; 1M STANDS FOR {options.facts:,} FACTS HERE, 10M AND 100k LIKEWISE"
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB, flush {machine.flush_ms} ms,"
        f" PostgreSQL {machine.postgresql}, Python {machine.python}, load {machine.load[0]:.1f} at the start{others};"
        f" {options.rounds} rounds{sizes}"
    )


def _told(row: Row | Skipped) -> str:
    if isinstance(row, Skipped):
        return f"{row.name:<{WIDTHS[0]}}  skipped: {row.skipped}"
    middle = f"{_figure(row.low)} - {_figure(row.high)}"
    figures = (row.unit, _figure(row.ours), _figure(row.theirs), _figure(row.ratio), middle)
    return _line((row.name, *figures, *_held_against(row)))


def _held_against(row: Row) -> tuple[str, str, str]:
    if (bar := BARS.get(row.name)) is None:
        return "", "", ""
    sign = ">=" if bar.kind == "at_least" else "<"
    verdict = "reached" if bar.reaches(row.ratio) else "holds" if bar.holds(row.ratio) else "MISSED"
    return f"{sign} {bar.must:g}", f"{bar.reach:g}", verdict


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    first, *others = zip(cells, WIDTHS, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()


def write(path: Path, report: Report) -> None:
    """Whole or not at all."""
    unfinished = path.with_name(f"{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    unfinished.replace(path)
