"""Failures of given/when/then say what was expected and what came."""

import pytest

pytest.register_assert_rewrite("tests.scenario")
