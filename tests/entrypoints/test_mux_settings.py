"""The settings of Mux: all that it takes, or in development a simulator."""

import base64
import stat
from pathlib import Path

import pytest

from adapters.sandbox.mux import account
from entrypoints.development_secrets import MUX_FILE, with_development_secrets
from entrypoints.settings import Settings, SettingsInvalid, read_settings
from entrypoints.video_settings import SIMULATED_MUX
from tests.entrypoints.test_settings import GOOD

MUX = {
    "MUX_TOKEN_ID": "0f4f2a3e",
    "MUX_TOKEN_SECRET": "a secret of the token",
    "MUX_SIGNING_KEY_ID": "key-1",
    "MUX_SIGNING_PRIVATE_KEY": "bm8ga2V5",
    "MUX_WEBHOOK_SECRETS": "one-of-sixteen-and-more, another-of-sixteen",
}
PLAIN = {"ENV": "development"}


def test_nothing_of_mux_is_used_where_nothing_is_set() -> None:
    settings = read_settings({}, None)

    assert (settings.uses_mux, settings.simulates_mux) == (False, False)
    assert not read_settings(GOOD, None).uses_mux


@pytest.mark.parametrize("env", [PLAIN, GOOD])
@pytest.mark.parametrize("missing", MUX)
def test_half_of_it_is_refused(env: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"^{missing} is missing"):
        read_settings({**env, **MUX, missing: ""}, None)


def test_in_production_a_platform_has_its_secrets() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_settings({**GOOD, "VIDEO_PLATFORM": "mux"}, None)

    assert [line.partition(" ")[0] for line in str(refused.value).splitlines()] == [*MUX]
    assert read_settings({**GOOD, **MUX, "VIDEO_PLATFORM": "mux"}, None).uses_mux


def test_videos_that_were_made_there_play_on_when_new_ones_are_made_elsewhere() -> None:
    settings = read_settings({**GOOD, **MUX}, None)

    assert (settings.video_platform, settings.uses_mux) == ("local", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MUX_TOKEN_ID", "simulated"),
        ("MUX_TOKEN_SECRET", "simulated"),
        ("MUX_WEBHOOK_SECRETS", "short"),
        ("MUX_WEBHOOK_SECRETS", "long-enough-for-anybody,short"),
        ("MUX_API_BASE", "http://mux.example.com"),
        ("MUX_STREAM_BASE", "http://stream.example.com"),
        ("MUX_IMAGE_BASE", "ftp://image.example.com"),
    ],
)
def test_in_production_what_is_weak_or_goes_in_clear_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name.removesuffix("_SECRET")):
        read_settings({**GOOD, **MUX, name: value}, None)


def test_without_a_token_development_has_a_mux_of_its_own(tmp_path: Path) -> None:
    asked = Settings(video_platform="mux", data_dir=tmp_path, sandbox_port=9001)

    settings, again = with_development_secrets(asked), with_development_secrets(asked)

    assert settings == again
    assert (settings.mux_api_base, settings.mux_stream_base) == (
        "http://127.0.0.1:9001/mux",
        "http://127.0.0.1:9001/mux/stream",
    )
    assert settings.mux_token_id == settings.mux_token_secret == SIMULATED_MUX
    assert base64.b64decode(settings.mux_signing_private_key).startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    assert len(settings.mux_webhook_secrets) >= 32
    assert settings.simulates_mux
    assert stat.S_IMODE((tmp_path / MUX_FILE).stat().st_mode) == 0o600


def test_with_a_token_development_talks_to_mux_itself(tmp_path: Path) -> None:
    settings = with_development_secrets(read_settings({**MUX, "DATA_DIR": str(tmp_path)}, None))

    assert (settings.simulates_mux, settings.mux_api_base) == (False, "")
    assert not (tmp_path / MUX_FILE).exists()


def test_the_simulated_account_is_the_simulators() -> None:
    assert {account.TOKEN_ID, account.TOKEN_SECRET, account.SIGNING_KEY_ID} == {SIMULATED_MUX}
