"""In development, secrets that nobody set are made once and kept in the data folder, readable by its owner alone."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from entrypoints.given_secrets import DEVELOPMENT_KEY_NAME, SIMULATED_STRIPE_KEY
from entrypoints.settings import Settings
from entrypoints.video_settings import SIMULATED_CLOUDFLARE, SIMULATED_MUX

FILE = "development-secrets.json"
MUX_FILE = "development-mux.json"
CLOUDFLARE_FILE = "development-cloudflare.json"

T = TypeVar("T")


class DevelopmentSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """Good for one data folder, worth nothing anywhere else."""

    jwt_secret: str
    master_keys: str
    stripe_webhook_secrets: str
    admin_password: str
    """Of the admin that `serve --seed` makes."""


class PlatformSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """Of a simulated video platform; apart, since a key takes a while to be made and few need it."""

    signing_private_key: str
    webhook_secret: str


def admin_password(settings: Settings) -> str:
    """The same for as long as the data folder lasts."""
    return _kept(settings.data_dir / FILE, DevelopmentSecrets, _made).admin_password


def with_development_secrets(settings: Settings) -> Settings:
    """The settings with every secret filled in; in production they are as they are, since none may be missing there."""
    if settings.in_production:
        return settings
    kept = _kept(settings.data_dir / FILE, DevelopmentSecrets, _made)
    simulated = settings.simulates_stripe
    settings = replace(
        settings,
        jwt_secret=settings.jwt_secret or kept.jwt_secret,
        master_keys=settings.master_keys or kept.master_keys,
        stripe_secret_key=settings.stripe_secret_key or SIMULATED_STRIPE_KEY,
        stripe_webhook_secrets=settings.stripe_webhook_secrets or kept.stripe_webhook_secrets,
        stripe_api_base=settings.stripe_api_base or (f"{settings.sandbox_address}/stripe" if simulated else ""),
    )
    settings = _with_a_simulated_mux(settings) if settings.simulates_mux else settings
    return _with_a_simulated_cloudflare(settings) if settings.simulates_cloudflare else settings


def _with_a_simulated_mux(settings: Settings) -> Settings:
    kept, at = (
        _kept(settings.data_dir / MUX_FILE, PlatformSecrets, _made_for_platform),
        f"{settings.sandbox_address}/mux",
    )
    return replace(
        settings,
        mux_token_id=SIMULATED_MUX,
        mux_token_secret=SIMULATED_MUX,
        mux_api_base=settings.mux_api_base or at,
        mux_stream_base=settings.mux_stream_base or f"{at}/stream",
        mux_image_base=settings.mux_image_base or f"{at}/image",
        mux_signing_key_id=settings.mux_signing_key_id or SIMULATED_MUX,
        mux_signing_private_key=settings.mux_signing_private_key or kept.signing_private_key,
        mux_webhook_secrets=settings.mux_webhook_secrets or kept.webhook_secret,
    )


def _with_a_simulated_cloudflare(settings: Settings) -> Settings:
    kept = _kept(settings.data_dir / CLOUDFLARE_FILE, PlatformSecrets, _made_for_platform)
    at = f"{settings.sandbox_address}/cloudflare"
    return replace(
        settings,
        cloudflare_account_id=SIMULATED_CLOUDFLARE,
        cloudflare_api_token=SIMULATED_CLOUDFLARE,
        cloudflare_api_base=settings.cloudflare_api_base or at,
        cloudflare_delivery_base=settings.cloudflare_delivery_base or f"{at}/delivery",
        cloudflare_signing_key_id=settings.cloudflare_signing_key_id or SIMULATED_CLOUDFLARE,
        cloudflare_signing_private_key=settings.cloudflare_signing_private_key or kept.signing_private_key,
        cloudflare_webhook_secrets=settings.cloudflare_webhook_secrets or kept.webhook_secret,
    )


def _kept(path: Path, kind: type[T], make: Callable[[], T]) -> T:
    """Two processes that start at once agree: whoever links its file first wins."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(make()))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return msgspec.json.decode(path.read_bytes(), type=kind)


def _made() -> DevelopmentSecrets:
    master_key = base64.b64encode(secrets.token_bytes(32)).decode()
    return DevelopmentSecrets(
        jwt_secret=secrets.token_urlsafe(48),
        master_keys=f"{DEVELOPMENT_KEY_NAME}:{master_key}",
        stripe_webhook_secrets=f"whsec_{secrets.token_hex(24)}",
        admin_password=secrets.token_urlsafe(15),
    )


def _made_for_platform() -> PlatformSecrets:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - whoever has its keys needs none of it
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return PlatformSecrets(signing_private_key=base64.b64encode(pem).decode(), webhook_secret=secrets.token_urlsafe(32))
