"""No pattern of ours takes longer over a long text than its length allows."""

import ast
import re
from time import process_time

import pytest

from tests.architecture.source import PACKAGES, sources

PATTERNS = sorted(
    {
        str(argument.value)
        for source in sources(*PACKAGES)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile"
        if isinstance(argument := node.args[0], ast.Constant) and isinstance(argument.value, str)
    }
)
LENGTH = 10_000
SECONDS_MAX = 0.5

# Texts that go on for long and then fail to match: that is where a pattern with two ways to read one thing goes astray.
TEXTS = [
    piece * (LENGTH // len(piece)) + "!\n"
    for piece in ("a", "0", " ", "_", ".", "\\", "\\u", "'", "a ", "sk_a", "[", "[]", "#")
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_text_of_any_kind_is_looked_at_in_a_moment(pattern: str) -> None:
    """Searched, which asks more of it than a match from the beginning."""
    compiled = re.compile(pattern, re.MULTILINE)
    began = process_time()

    for text in TEXTS:
        compiled.search(text)

    assert process_time() - began < SECONDS_MAX


def test_they_are_all_found() -> None:
    assert len(PATTERNS) > 30
