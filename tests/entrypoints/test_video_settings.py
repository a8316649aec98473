"""What a video platform needs is all there or named; what is set of one that new videos do not go to counts too."""

import pytest

from entrypoints.settings import SettingsInvalid, read_settings

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


@pytest.mark.parametrize("name", ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"])
def test_half_a_key_is_none(name: str) -> None:
    with pytest.raises(SettingsInvalid, match="go together"):
        read_settings({**S3, name: "half"}, env_file=None)


def test_a_platform_that_is_not_there_yet_says_so() -> None:
    with pytest.raises(SettingsInvalid, match="cloudflare is not there yet"):
        read_settings({"VIDEO_PLATFORM": "cloudflare"}, env_file=None)
