"""Every test has a house of its own."""

import pytest

from tests.application.house import House


@pytest.fixture
def house() -> House:
    return House()
