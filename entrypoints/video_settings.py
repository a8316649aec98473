"""The settings of the video platforms, and what is refused of them."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

SIMULATED_MUX = "simulated"
"""The id and the secret of the token that the simulated Mux takes, and the id of its signing key."""
MUX_NEEDS = (
    "mux_token_id",
    "mux_token_secret",
    "mux_signing_key_id",
    "mux_signing_private_key",
    "mux_webhook_secrets",
)
WEBHOOK_SECRET_LENGTH_MIN = 16
SIMULATED_CLOUDFLARE = "simulated"
"""The account and the token that the simulated Cloudflare takes, and the id of its signing key."""
CLOUDFLARE_NEEDS = (
    "cloudflare_account_id",
    "cloudflare_api_token",
    "cloudflare_delivery_base",
    "cloudflare_signing_key_id",
    "cloudflare_signing_private_key",
    "cloudflare_webhook_secrets",
)
S3_NEEDS = ("s3_bucket", "s3_region", "cloudfront_url", "cloudfront_key_pair_id", "cloudfront_private_key")

Seconds = Annotated[int, msgspec.Meta(ge=1, le=86_400)]


class VideoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where videos are made; and whether this is production, where nothing is simulated."""

    env: Literal["development", "production"] = "development"
    video_platform: Literal["local", "mux", "cloudflare", "s3"] = "local"
    hls_encryption: Literal["none", "aes128"] = "none"
    sweep_videos_seconds: Seconds = 300
    mux_token_id: str = ""
    mux_token_secret: str = ""
    mux_api_base: str = ""
    mux_stream_base: str = ""
    mux_image_base: str = ""
    mux_signing_key_id: str = ""
    mux_signing_private_key: str = ""
    mux_webhook_secrets: str = ""
    mux_playback_restriction_id: str = ""
    mux_test: bool = False
    cloudflare_account_id: str = ""
    cloudflare_api_token: str = ""
    cloudflare_api_base: str = ""
    cloudflare_delivery_base: str = ""
    cloudflare_signing_key_id: str = ""
    cloudflare_signing_private_key: str = ""
    cloudflare_webhook_secrets: str = ""
    s3_bucket: str = ""
    s3_region: str = "us-east-1"
    s3_endpoint: str = ""
    s3_access_key_id: str = ""
    s3_secret_access_key: str = ""
    cloudfront_url: str = ""
    cloudfront_key_pair_id: str = ""
    cloudfront_private_key: str = ""
    sqs_queue_url: str = ""

    @property
    def in_production(self) -> bool:
        return self.env == "production"

    @property
    def uses_mux(self) -> bool:
        """For new videos, or for those that were made there."""
        return self.video_platform == "mux" or bool(self.mux_token_id)

    @property
    def uses_s3(self) -> bool:
        """For new videos, or for those that were made there."""
        return self.video_platform == "s3" or bool(self.s3_bucket)

    @property
    def simulates_mux(self) -> bool:
        """Without a token, in development, Mux is the simulator's."""
        return self.uses_mux and not self.in_production and self.mux_token_id in {"", SIMULATED_MUX}

    @property
    def uses_cloudflare(self) -> bool:
        """For new videos, or for those that were made there."""
        return self.video_platform == "cloudflare" or bool(self.cloudflare_api_token)

    @property
    def simulates_cloudflare(self) -> bool:
        """Without a token, in development, Cloudflare Stream is the simulator's."""
        ours = self.cloudflare_api_token in {"", SIMULATED_CLOUDFLARE}
        return self.uses_cloudflare and not self.in_production and ours


def troubles_of_platforms(settings: VideoSettings) -> Iterator[str]:
    """What keeps one of them from working, each in a line that names the setting."""
    yield from _troubles_of_mux(settings)
    yield from _troubles_of_cloudflare(settings)
    if settings.uses_s3:
        yield from _troubles_of_s3(settings)
    if settings.hls_encryption != "none" and settings.video_platform != "local":
        yield (
            f"HLS_ENCRYPTION={settings.hls_encryption} is for VIDEO_PLATFORM=local alone;"
            f" new videos go to {settings.video_platform}, where nothing of it would be encrypted"
        )


def _troubles_of_s3(settings: VideoSettings) -> Iterator[str]:
    for name in S3_NEEDS:
        if not getattr(settings, name):
            yield f"{name.upper()} is missing, as VIDEO_PLATFORM=s3 or S3_BUCKET is set"
    if bool(settings.s3_access_key_id) != bool(settings.s3_secret_access_key):
        yield "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together; without both the machine's own role is used"


def _troubles_of_cloudflare(settings: VideoSettings) -> Iterator[str]:
    """Nothing of it: in development the simulator. Something of it: all that it takes."""
    given = {name for name in CLOUDFLARE_NEEDS if getattr(settings, name)}
    if not given and not (settings.in_production and settings.uses_cloudflare):
        return
    for name in CLOUDFLARE_NEEDS:
        if name not in given:
            yield f"{name.upper()} is missing, as VIDEO_PLATFORM=cloudflare or something else of CLOUDFLARE_* is set"
    if not settings.in_production:
        return
    if settings.cloudflare_api_token == SIMULATED_CLOUDFLARE:
        yield "CLOUDFLARE_API_TOKEN is the simulator's (ENV=production)"
    secrets = [secret.strip() for secret in settings.cloudflare_webhook_secrets.split(",")]
    if any(0 < len(secret) < WEBHOOK_SECRET_LENGTH_MIN for secret in secrets):
        yield f"CLOUDFLARE_WEBHOOK_SECRETS has one of less than {WEBHOOK_SECRET_LENGTH_MIN} characters (ENV=production)"


def _troubles_of_mux(settings: VideoSettings) -> Iterator[str]:
    """Nothing of it: in development the simulator. Something of it: all that it takes."""
    given = {name for name in MUX_NEEDS if getattr(settings, name)}
    if not given and not (settings.in_production and settings.uses_mux):
        return
    for name in MUX_NEEDS:
        if name not in given:
            yield f"{name.upper()} is missing, as VIDEO_PLATFORM=mux or something else of MUX_* is set"
    if not settings.in_production:
        return
    if SIMULATED_MUX in {settings.mux_token_id, settings.mux_token_secret}:
        yield "MUX_TOKEN_ID is the simulator's (ENV=production)"
    secrets = [secret.strip() for secret in settings.mux_webhook_secrets.split(",")]
    if any(0 < len(secret) < WEBHOOK_SECRET_LENGTH_MIN for secret in secrets):
        yield f"MUX_WEBHOOK_SECRETS has one of less than {WEBHOOK_SECRET_LENGTH_MIN} characters (ENV=production)"
