"""In development, secrets that nobody set are made once and kept in the data folder, readable by its owner alone."""

import base64
import os
import secrets
from pathlib import Path

import msgspec
from msgspec.structs import replace

from entrypoints.given_secrets import DEVELOPMENT_KEY_NAME, SIMULATED_STRIPE_KEY
from entrypoints.settings import Settings

FILE = "development-secrets.json"


class DevelopmentSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """Good for one data folder, worth nothing anywhere else."""

    jwt_secret: str
    master_keys: str
    stripe_webhook_secrets: str
    admin_password: str
    """Of the admin that `serve --seed` makes."""


def admin_password(settings: Settings) -> str:
    """The same for as long as the data folder lasts."""
    return _kept(settings.data_dir / FILE).admin_password


def with_development_secrets(settings: Settings) -> Settings:
    """The settings with every secret filled in; in production they are as they are, since none may be missing there."""
    if settings.in_production:
        return settings
    kept = _kept(settings.data_dir / FILE)
    simulated = settings.simulates_stripe
    return replace(
        settings,
        jwt_secret=settings.jwt_secret or kept.jwt_secret,
        master_keys=settings.master_keys or kept.master_keys,
        stripe_secret_key=settings.stripe_secret_key or SIMULATED_STRIPE_KEY,
        stripe_webhook_secrets=settings.stripe_webhook_secrets or kept.stripe_webhook_secrets,
        stripe_api_base=settings.stripe_api_base or (f"{settings.sandbox_address}/stripe" if simulated else ""),
    )


def _kept(path: Path) -> DevelopmentSecrets:
    """Two processes that start at once agree: whoever links its file first wins."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(_made()))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return msgspec.json.decode(path.read_bytes(), type=DevelopmentSecrets)


def _made() -> DevelopmentSecrets:
    master_key = base64.b64encode(secrets.token_bytes(32)).decode()
    return DevelopmentSecrets(
        jwt_secret=secrets.token_urlsafe(48),
        master_keys=f"{DEVELOPMENT_KEY_NAME}:{master_key}",
        stripe_webhook_secrets=f"whsec_{secrets.token_hex(24)}",
        admin_password=secrets.token_urlsafe(15),
    )
