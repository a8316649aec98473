"""Files and functions stay short enough to be read, and every file says in one sentence what it is for."""

import ast

from tests.architecture.source import PACKAGES, Function, sources

FUNCTION_LINES_MAX = 50
FILE_LINES_MAX = 300

# A longer one wants a reason, written here.
LONGER_FILES: dict[str, str] = {}
LONGER_FUNCTIONS: dict[str, str] = {}


def test_every_module_opens_with_a_sentence() -> None:
    silent = [
        source.path
        for source in sources(*PACKAGES, "tests")
        if source.tree.body and not (ast.get_docstring(source.tree) or "").strip()
    ]

    assert silent == []


def test_no_file_is_longer_than_a_reader_holds_in_mind() -> None:
    too_long = {source.path: source.line_count for source in sources(*PACKAGES) if source.line_count > FILE_LINES_MAX}

    assert {path: lines for path, lines in too_long.items() if path not in LONGER_FILES} == {}
    assert set(LONGER_FILES) <= set(too_long), "a file that was shortened needs no reason any more"


def test_no_function_is_longer_than_a_page() -> None:
    too_long = {
        f"{source.path}:{function.name}": lines(function)
        for source in sources(*PACKAGES)
        for function in source.functions
        if lines(function) > FUNCTION_LINES_MAX
    }

    assert {name: count for name, count in too_long.items() if name not in LONGER_FUNCTIONS} == {}
    assert set(LONGER_FUNCTIONS) <= set(too_long), "a function that was shortened needs no reason any more"


def lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1
