"""An operator finds every setting in .env.example, and nothing in it that is none."""

import re

import pytest

from entrypoints.settings import Settings, SettingsInvalid, read_settings
from tests.architecture.source import ROOT

SETTINGS, _, FOR_COMPOSE = (ROOT / ".env.example").read_text().partition("docker compose only")
COMPOSE = (ROOT / "docker-compose.yml").read_text()

LINE = re.compile(r"^# ([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def test_the_example_lists_exactly_the_settings_there_are() -> None:
    assert {name.lower() for name, _ in LINE.findall(SETTINGS)} == {*Settings.__struct_fields__}


def test_the_example_shows_the_defaults() -> None:
    assert read_settings(dict(LINE.findall(SETTINGS)), env_file=None) == Settings()


def test_the_example_marks_what_production_asks_for() -> None:
    marked = {
        name
        for paragraph in SETTINGS.split("\n\n")
        if "(production" in paragraph
        for name, _ in LINE.findall(paragraph)
    }

    with pytest.raises(SettingsInvalid) as refused:
        read_settings({"ENV": "production"}, env_file=None)

    assert marked == set(re.findall(r"([A-Z_]+) is missing", str(refused.value)))


def test_docker_compose_asks_for_nothing_that_the_example_does_not_name() -> None:
    named = {name for name, _ in LINE.findall(SETTINGS + FOR_COMPOSE)}

    assert set(re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE)) <= named
