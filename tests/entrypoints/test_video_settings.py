"""What a video platform needs is all there or named; what is set of one that new videos do not go to counts too."""

from pathlib import Path

import pytest

from adapters.sandbox.cloudflare import account
from entrypoints.development_secrets import with_development_secrets
from entrypoints.settings import Settings, SettingsInvalid, read_settings
from tests.entrypoints.test_settings import GOOD

S3 = {
    "S3_BUCKET": "films",
    "CLOUDFRONT_URL": "https://films.example.com",
    "CLOUDFRONT_KEY_PAIR_ID": "K2JCJMDEHXQW5F",
    "CLOUDFRONT_PRIVATE_KEY": "a key",
}


def test_all_of_s3_is_enough_and_the_machines_own_role_may_do() -> None:
    settings = read_settings({**S3, "VIDEO_PLATFORM": "s3"}, env_file=None)

    assert (settings.uses_s3, settings.s3_region, settings.s3_access_key_id) == (True, "us-east-1", "")
    assert read_settings(S3, env_file=None).uses_s3
    assert not read_settings({}, env_file=None).uses_s3


@pytest.mark.parametrize("lacking", S3)
def test_what_s3_lacks_is_named(lacking: str) -> None:
    given = {name: value for name, value in S3.items() if name != lacking}

    with pytest.raises(SettingsInvalid, match=f"^{lacking} is missing"):
        read_settings({**given, "VIDEO_PLATFORM": "s3"}, env_file=None)


@pytest.mark.parametrize("platform", ["s3", "mux", "cloudflare"])
def test_what_would_not_be_encrypted_is_not_said_to_be(platform: str) -> None:
    given = {**S3, "VIDEO_PLATFORM": platform}
    with pytest.raises(SettingsInvalid, match="HLS_ENCRYPTION=aes128 is for VIDEO_PLATFORM=local alone"):
        read_settings({**given, "HLS_ENCRYPTION": "aes128"}, env_file=None)

    assert read_settings({**given, "HLS_ENCRYPTION": "none"}, env_file=None).video_platform == platform
    assert read_settings({**S3, "HLS_ENCRYPTION": "aes128"}, env_file=None).video_platform == "local"


@pytest.mark.parametrize("name", ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"])
def test_half_a_key_is_none(name: str) -> None:
    with pytest.raises(SettingsInvalid, match="go together"):
        read_settings({**S3, name: "half"}, env_file=None)


CLOUDFLARE = {
    "CLOUDFLARE_ACCOUNT_ID": "account-1",
    "CLOUDFLARE_API_TOKEN": "a token",
    "CLOUDFLARE_DELIVERY_BASE": "https://customer-code.cloudflarestream.com",
    "CLOUDFLARE_SIGNING_KEY_ID": "key-1",
    "CLOUDFLARE_SIGNING_PRIVATE_KEY": "bm8ga2V5",
    "CLOUDFLARE_WEBHOOK_SECRETS": "one-of-sixteen-and-more",
}


@pytest.mark.parametrize("env", [{"ENV": "development"}, GOOD])
@pytest.mark.parametrize("lacking", CLOUDFLARE)
def test_what_cloudflare_lacks_is_named(env: dict[str, str], lacking: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"^{lacking} is missing"):
        read_settings({**env, **CLOUDFLARE, lacking: ""}, env_file=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLOUDFLARE_API_TOKEN", "simulated"),
        ("CLOUDFLARE_WEBHOOK_SECRETS", "short"),
        ("CLOUDFLARE_API_BASE", "http://api.example.com"),
        ("CLOUDFLARE_DELIVERY_BASE", "http://delivery.example.com"),
    ],
)
def test_in_production_what_is_weak_or_goes_in_clear_is_refused(name: str, value: str) -> None:
    assert read_settings({**GOOD, **CLOUDFLARE, "VIDEO_PLATFORM": "cloudflare"}, env_file=None).uses_cloudflare
    with pytest.raises(SettingsInvalid, match=name):
        read_settings({**GOOD, **CLOUDFLARE, name: value}, env_file=None)


def test_without_a_token_development_has_a_cloudflare_of_its_own(tmp_path: Path) -> None:
    asked = Settings(video_platform="cloudflare", data_dir=tmp_path, sandbox_port=9001)

    settings = with_development_secrets(asked)

    assert (settings, settings.simulates_cloudflare) == (with_development_secrets(asked), True)
    assert settings.cloudflare_delivery_base == "http://127.0.0.1:9001/cloudflare/delivery"
    assert {account.ACCOUNT_ID, account.API_TOKEN, account.SIGNING_KEY_ID} == {
        settings.cloudflare_account_id,
        settings.cloudflare_api_token,
        settings.cloudflare_signing_key_id,
    }
