"""Nothing is locked that is known to be weak, and what pip-audit says of that is understood."""

import json

import pytest

from tests.architecture.weaknesses import Ran, below, floors, locked, verdict_on

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
    assert below(floors(), locked()) == []


def test_an_older_version_is_found_and_a_newer_one_is_not() -> None:
    found = below(floors(), {("litestar", "2.21.9"), ("pyjwt", "2.100.0")})

    assert found == ["litestar 2.21.9 has CVE-2026-48061, which 2.22.0 has not"]


def test_the_list_names_what_is_locked_alone() -> None:
    assert {floor.package for floor in floors()} - {package for package, _ in locked()} == set()


@pytest.mark.parametrize(
    ("ran", "said"),
    [
        (Ran(0, report(CLEAN), "No known vulnerabilities found\n"), "1 packages looked up, no weakness is known"),
        (Ran(1, "", REFUSED.format("ProxyError")), "NOT LOOKED UP: there is no network"),
        (Ran(1, "", REFUSED.format("ConnectionError")), "NOT LOOKED UP: there is no network"),
        (Ran(1, "", UNREACHED), "NOT LOOKED UP: there is no network"),
        (Ran(0, report(UNKNOWN), ""), "NOT LOOKED UP: who answers in PyPI's place knows none of the packages"),
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
