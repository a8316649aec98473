"""A run as a table for people, and as JSON for programs."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from benchmarks.contest import Row
from benchmarks.machine import Machine
from benchmarks.workbench import Options

HEADINGS = ("", "unit", "median", "min - max", "p50 ms", "p99 ms", "times", "min - max")
WIDTHS = (24, 8, 9, 17, 8, 8, 8, 15)

LEGEND = "times: how many times better the first line of each block is; the median over rounds, and its spread"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to disk."""

    machine: Machine
    others_share: float | None
    """Of the cores, used by others while it was measured."""
    options: Options
    rows: Sequence[Row]


def table(report: Report) -> str:
    lines = [_measured_on(report), "", _line(HEADINGS)]
    for name, block in groupby(report.rows, lambda row: row.name):
        lines += [name, *(_told(row) for row in block)]
    return "\n".join([*lines, "", LEGEND])


def _measured_on(report: Report) -> str:
    machine = report.machine
    others = "" if report.others_share is None else f", others used {report.others_share:.0%} of the cores"
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB, flush {machine.flush_ms} ms,"
        f" PostgreSQL {machine.postgresql}, Python {machine.python}, load {machine.load[0]:.1f} at the start{others}"
    )


def _told(row: Row) -> str:
    if row.skipped:
        return f"  {row.what:<22}  skipped: {row.skipped}"
    figure = "{:,.0f}" if row.unit == "facts/s" else "{:,.2f}"
    return _line(
        (
            f"  {row.what}",
            row.unit,
            _figure(row.median, figure),
            f"{_figure(row.min, figure)} - {_figure(row.max, figure)}",
            _figure(row.p50_ms, "{:,.2f}"),
            _figure(row.p99_ms, "{:,.2f}"),
            _figure(row.ratio, "{:.2f}"),
            f"{_figure(row.ratio_min, '{:.2f}')} - {_figure(row.ratio_max, '{:.2f}')}",
        )
    )


def _figure(value: float | None, shape: str) -> str:
    return "" if value is None else shape.format(value)


def _line(cells: Sequence[str]) -> str:
    first, *others = zip(cells, WIDTHS, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()


def write(path: Path, report: Report) -> None:
    """Whole or not at all."""
    unfinished = path.with_name(f"{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    unfinished.replace(path)
