"""The list of the abuse cases says of each what tries it, and says so truly."""

import ast
from functools import cache
from pathlib import Path

from tests.abuse.cases import NOT_TRIED, TRIED

TESTS = Path(__file__).parents[1]
NUMBERS = {f"AB-{number:02}" for number in range(1, 45)} | {"AB-28b", "AB-28c"}


@cache
def marks_of_tests(module: str) -> dict[str, set[str]]:
    """The tests of a module, each with the cases that it is marked with."""
    tree = ast.parse((TESTS / module).read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {test.name: cases_of(test) for test in functions if test.name.startswith("test_")}


def cases_of(test: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    calls = [each for each in test.decorator_list if isinstance(each, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.abuse"]
    return {str(ast.literal_eval(mark.args[0])) for mark in marks}


def test_every_case_is_listed_once() -> None:
    assert set(TRIED) | set(NOT_TRIED) == NUMBERS
    assert set(TRIED) & set(NOT_TRIED) == set()


def test_what_is_said_to_try_a_case_is_there() -> None:
    named = {test for tests in TRIED.values() for test in tests}
    missing = [test for test in named if test.partition("::")[2] not in marks_of_tests(test.partition("::")[0])]

    assert missing == []
    assert all(TRIED.values())


def test_what_is_marked_here_is_in_the_list_and_the_other_way_round() -> None:
    modules = [f"abuse/{path.name}" for path in TESTS.glob("abuse/test_*.py")]
    marked = {
        (case, f"{module}::{test}")
        for module in modules
        for test, cases in marks_of_tests(module).items()
        for case in cases
    }
    listed = {(case, test) for case, tests in TRIED.items() for test in tests if test.startswith("abuse/")}

    assert marked == listed
