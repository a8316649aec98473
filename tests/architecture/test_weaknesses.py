"""Nothing is locked that is known to be weak, and what pip-audit says of that is understood."""

import json
import re
from datetime import date

import pytest

from tests.architecture.weaknesses import (
    SHIPPED,
    SINCE,
    TOOLS,
    Known,
    Left,
    Pins,
    Ran,
    brought,
    held,
    listed,
    pinned,
    refused,
    unsaid,
    verdict_on,
    weak,
)

BROUGHT = brought()
SHIPS = pinned(*SHIPPED) | BROUGHT
EVERYTHING = SHIPS | pinned(*TOOLS)
LIST = Known(
    listed_on=date(2026, 1, 1),
    none_known=["rich"],
    left=[Left("postgresql-18", "18.4", date(2026, 3, 1), "there is no newer one")],
    mended={"uvicorn": {"CVE-2020-7694": "0.11.7"}, "postgresql-18": {"CVE-2026-6460": "18.7"}},
)
OF_3_PACKAGES = (
    "of 3 packages and programs that are shipped 2 were held against the version that mends what was known of them on "
    "2026-01-01, 31 days ago, and of 1 nothing was known"
)

NOT_ON_PYPI = "Dependency not found on PyPI and could not be audited: anyio (4.16.0)"
CLEAN = {"name": "anyio", "version": "4.16.0", "vulns": []}
WEAK = {
    "name": "litestar",
    "version": "2.21.0",
    "vulns": [{"id": "GHSA-1", "fix_versions": ["2.22.0"], "aliases": ["CVE-2026-48061"], "description": "hosts"}],
}
UNKNOWN = {"name": "anyio", "skip_reason": NOT_ON_PYPI}
REFUSED = (
    "urllib3.exceptions.ProxyError: ('Unable to connect to proxy')\n\nDuring handling of the above exception, another "
    "exception occurred:\n\nrequests.exceptions.{}: HTTPSConnectionPool(port=443): Max retries exceeded\n"
)
UNREACHED = (
    "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n"
    "ERROR:pip_audit._cli:Tip: your network may be blocking this service.\n"
)


def report(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_nothing_that_is_locked_is_known_to_be_weak() -> None:
    known = listed()

    assert refused(known, weak(known, EVERYTHING), on=known.listed_on) == []


def test_the_list_says_of_everything_that_is_shipped_what_is_known_and_names_nothing_else() -> None:
    known, names = listed(), {package for package, _ in EVERYTHING}

    assert unsaid(known, SHIPS) == []
    assert {*known.mended, *known.none_known} - names == set()
    assert known.mended.keys() & {*known.none_known} == set()


def test_only_what_is_weak_is_left() -> None:
    known = listed()
    found = {(each.package, each.version) for each in weak(known, SHIPS)}

    assert {(each.package, each.version) for each in known.left} - found == set()


def test_what_is_left_is_left_in_that_version_until_its_day() -> None:
    found = weak(LIST, {("postgresql-18", "18.4"), ("postgresql-18", "18.3")})

    assert [each.version for each in refused(LIST, found, on=date(2026, 3, 1))] == ["18.3"]
    assert [each.version for each in refused(LIST, found, on=date(2026, 3, 2))] == ["18.3", "18.4"]


@pytest.mark.parametrize(
    ("shipped", "tools", "said"),
    [
        ({("uvicorn", "0.11.0")}, set(), "uvicorn 0.11.0 has CVE-2020-7694, which 0.11.7 has not"),
        (set(), {("uvicorn", "0.9.9")}, "uvicorn 0.9.9 has CVE-2020-7694, which 0.11.7 has not"),
        ({("new", "1.0")}, set(), "new: the list says nothing about it"),
    ],
)
def test_without_a_network_the_list_fails_what_is_weak_and_what_it_does_not_know(
    shipped: Pins, tools: Pins, said: str
) -> None:
    verdict = held(LIST, shipped, tools, on=LIST.listed_on)

    assert not verdict.passed
    assert said in verdict.said.splitlines()


def test_without_a_network_it_passes_and_says_what_was_held_against_what_of_which_day() -> None:
    shipped = {("uvicorn", "0.100.0"), ("rich", "15.0.0"), ("postgresql-18", "18.4")}

    verdict = held(LIST, shipped, {("new", "1.0")}, on=date(2026, 2, 1))

    assert verdict.passed
    assert verdict.said.splitlines() == [
        OF_3_PACKAGES,
        "LEFT until 2026-03-01: postgresql-18 18.4 has CVE-2026-6460, which 18.7 has not; there is no newer one",
    ]


@pytest.mark.parametrize(("day", "warnings"), [(date(2026, 4, 1), 0), (date(2026, 4, 2), 1)])
def test_a_list_older_than_90_days_is_warned_of(day: date, warnings: int) -> None:
    verdict = held(LIST, {("rich", "15.0.0")}, set(), on=day)

    assert verdict.passed
    assert verdict.said.count("WARNING: that is more than 90 days") == warnings


def test_the_programs_inside_the_wheels_are_held_against_the_list_too() -> None:
    assert {package.rstrip("0123456789") for package, _ in BROUGHT} == {"ffmpeg", "libpq-", "postgresql-"}
    assert all(re.fullmatch(r"\d+\.\d+(\.\d+)?", version) for _, version in BROUGHT)


@pytest.mark.parametrize(
    ("ran", "said"),
    [
        (Ran(0, report(CLEAN), "No known vulnerabilities found\n"), "1 packages looked up, no weakness is known"),
        (Ran(1, "", REFUSED.format("ProxyError")), f"NOT LOOKED UP: there is no network; {SINCE}"),
        (Ran(1, "", REFUSED.format("ConnectionError")), f"NOT LOOKED UP: there is no network; {SINCE}"),
        (Ran(1, "", UNREACHED), f"NOT LOOKED UP: there is no network; {SINCE}"),
        (
            Ran(0, report(UNKNOWN), ""),
            f"NOT LOOKED UP: who answers in PyPI's place knows none of the packages; {SINCE}",
        ),
    ],
)
def test_it_passes_where_nothing_is_found_or_nobody_can_be_asked(ran: Ran, said: str) -> None:
    assert verdict_on(ran) == (True, said)


@pytest.mark.parametrize(
    ("ran", "said"),
    [
        (Ran(1, report(CLEAN, WEAK), ""), "litestar 2.21.0 has GHSA-1, mended in 2.22.0"),
        (Ran(0, report(CLEAN, UNKNOWN), ""), f"anyio was not looked up: {NOT_ON_PYPI}"),
        (Ran(0, report({"name": "anyio", "skip_reason": "no hash"}), ""), "anyio was not looked up: no hash"),
        (Ran(0, report(), ""), "pip-audit ended with 0: "),
        (Ran(2, report(CLEAN), "interrupted"), "pip-audit ended with 2: interrupted"),
        (Ran(1, "", "No module named pip_audit"), "pip-audit ended with 1: No module named pip_audit"),
        (Ran(1, "", REFUSED.format("SSLError")), f"pip-audit ended with 1: {REFUSED.format('SSLError')}"),
    ],
)
def test_all_else_fails(ran: Ran, said: str) -> None:
    assert verdict_on(ran) == (False, said)
