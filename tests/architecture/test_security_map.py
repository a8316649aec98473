"""docs/security.md answers for each requirement of OWASP ASVS 5.0 once, and the tests that it names are there."""

import ast
import re
from collections import Counter
from functools import cache
from typing import NamedTuple

import pytest

from tests.architecture.source import ROOT

DOCUMENT = ROOT / "docs" / "security.md"
TEXT = DOCUMENT.read_text()
LINES_MAX = 350

# The levels 1 and 2 whole, and of level 3 what is answered for all the same (OWASP ASVS 5.0.0, ids and levels alone).
LEVELS = dict(line.split(",") for line in (ROOT / "tests/architecture/asvs_5_0.csv").read_text().split()[1:])

ID = re.compile(r"\d+\.\d+\.\d+")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LINK = re.compile(r"\[[^\]]+\]\(([^)#]*)(#[^)]*)?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
NO_LETTER = re.compile(r"[^\w\- ]")
WITHOUT_A_TEST = ("not there", "not applicable", "the operator's")


class Row(NamedTuple):
    """Of one of the tables: `| ids | levels | in short | how | shown by |`."""

    ids: tuple[str, ...]
    levels: tuple[str, ...]
    shown_by: str

    @property
    def kind(self) -> str:
        """How its requirements are answered, in the words of the document's summary."""
        said = self.shown_by
        if said in WITHOUT_A_TEST:
            return said
        if said.startswith("in part"):
            return "in part"
        return "shown" if TEST.search(said) else "written down"


def parts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(","))


def rows() -> list[Row]:
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line[:1] == "|"]
    return [Row(parts(each[0]), parts(each[1]), each[-1]) for each in cells if ID.match(each[0])]


@cache
def names_in(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.parse(file.read_text()).body if isinstance(node, kinds))


def anchors(text: str) -> set[str]:
    """Those of a page's headings, as they are made of them."""
    return {"#" + NO_LETTER.sub("", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def test_every_requirement_is_answered_once_and_at_its_level() -> None:
    answered = Counter(id for row in rows() for id in row.ids)

    assert {id: count for id, count in answered.items() if count > 1} == {}
    assert set(answered) - set(LEVELS) == set()
    assert set(LEVELS) - set(answered) == set()
    assert [row.ids for row in rows() if row.levels != tuple(dict.fromkeys(LEVELS[id] for id in row.ids))] == []


def test_every_test_that_is_named_is_there() -> None:
    missing = [f"{path}::{name}" for path, name in TEST.findall(TEXT) if name not in names_in(path)]

    assert missing == []
    assert len(TEST.findall(TEXT)) > 150


def test_every_answer_names_a_test_or_a_page_or_says_why_not() -> None:
    bare = [
        row.ids for row in rows() if row.shown_by not in WITHOUT_A_TEST and not re.search(r"`tests/|\]\(", row.shown_by)
    ]

    assert bare == []


@pytest.mark.parametrize("kind", ["shown", "written down", "in part", *WITHOUT_A_TEST])
def test_the_summary_counts_what_stands_in_the_tables(kind: str) -> None:
    counted = Counter({kind: 0})
    for row in rows():
        counted[row.kind] += len(row.ids)

    assert re.findall(rf"^\| {kind} \| (\d+) \|", TEXT, re.MULTILINE) == [str(counted[kind])]


def test_every_link_leads_somewhere() -> None:
    broken = [
        path + anchor
        for path, anchor in LINK.findall(TEXT)
        if "://" not in path
        if not (page := DOCUMENT.parent / path if path else DOCUMENT).exists()
        or (anchor and anchor not in anchors(page.read_text()))
    ]

    assert broken == []


def test_it_is_no_longer_than_somebody_reads() -> None:
    assert TEXT.count("\n") <= LINES_MAX
