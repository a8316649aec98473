"""The settings: read once from the environment and one `.env` file, checked before anything starts."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from entrypoints.database_addresses import may_go_in_clear
from entrypoints.given_secrets import (
    SIMULATED_STRIPE_KEY,
    troubles_of_master_keys,
    troubles_of_signing,
    troubles_of_stripe,
)
from entrypoints.proxies import ProxiesUntrue, proxies_of
from entrypoints.video_settings import VideoSettings, troubles_of_platforms
from entrypoints.web_addresses import PORT_MAX, keeps_secrets, trouble_of_origin, trouble_of_pages

SECONDS_OF = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
Port = Annotated[int, msgspec.Meta(ge=0, le=PORT_MAX)]
Days = Annotated[int, msgspec.Meta(ge=0, le=365)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=86_400)]
Wait = Annotated[int, msgspec.Meta(ge=1, le=30 * 86_400)]
"""In seconds."""
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Hours = Annotated[int, msgspec.Meta(ge=1, le=720)]
PerSecond = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
Connections = Annotated[int, msgspec.Meta(ge=10, le=1_000_000)]
Rates = Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d{0,5}/[1-9]\d{0,2}[smhd](,[1-9]\d{0,5}/[1-9]\d{0,2}[smhd])*$")]
"""`20/1h`: so many in so long; several with a comma between them, of which each holds."""
PathPrefix = Annotated[str, msgspec.Meta(pattern=r"^((/[A-Za-z0-9_-]+)+)?\Z", max_length=200)]
PreviewSeconds = Annotated[int, msgspec.Meta(ge=0, le=3_600)]
Countries = Annotated[str, msgspec.Meta(pattern=r"^( *[A-Z]{2} *(,|$))*$")]
"""`DE,AT`: by ISO 3166-1 alpha-2."""
HeaderName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{0,100}$")]
HEIGHT = "(144|240|360|480|720|1080|1440|2160)"
Heights = Annotated[str, msgspec.Meta(pattern=rf"^{HEIGHT}(,{HEIGHT})*\Z")]
Facts = Annotated[int, msgspec.Meta(ge=1, le=10**12)]


class SettingsInvalid(Exception):
    """A setting is missing or makes no sense; one line for each, naming it."""


class Settings(VideoSettings, frozen=True, kw_only=True):
    """Every setting, named as its environment variable in lower case; `.env.example` says what each is for."""

    public_url: str = ""
    host: str = "127.0.0.1"
    port: Port = 8000
    data_dir: Path = Path("var")
    database_url: str = ""
    database_owner_url: str = ""
    vault_database_url: str = ""
    database_unencrypted: bool = False
    jwt_secret: str = ""
    jwt_keys: str = ""
    master_keys: str = ""
    stripe_secret_key: str = ""
    stripe_webhook_secrets: str = ""
    stripe_api_base: str = ""
    stripe_requests_per_second: PerSecond = 80
    smtp_url: str = ""
    mail_from: str = ""
    app_url: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    twilio_api_key_sid: str = ""
    twilio_api_key_secret: str = ""
    twilio_from: str = ""
    twilio_api_base: str = ""
    grace_days_past_due: Days = 7
    lease_slack_days: Days = 2
    pause_collection_grants: bool = True
    full_refund_revokes: bool = True
    dispute_open_suspends: bool = False
    dispute_lost_revokes: bool = True
    double_checkout: Literal["report", "refund_newer"] = "report"
    ready_lag_max: Facts = 100_000
    ready_wait_seconds_max: Wait = 1_800
    ready_transcoding_seconds_max: Wait = 86_400
    sweep_undelivered_seconds: Seconds = 300
    sweep_customers_hours: Hours = 24
    sweep_customers_per_second: PerSecond = 5
    stream_limit_policy: Literal["reject", "evict_oldest"] = "reject"
    ladder_heights: Heights = "240,480,720,1080"
    media_accel_prefix: PathPrefix = ""
    preview_seconds: PreviewSeconds = 0
    countries_allowed: Countries = ""
    countries_refused: Countries = ""
    country_header: HeaderName = ""
    cors_origins: str = ""
    trusted_proxies: str = ""
    worker_metrics_port: Port = 0
    connections_max: Connections = 10_000
    throttle_register_peer: Rates = "100/1h"
    throttle_register_account: Rates = "10/1h"
    throttle_login_peer: Rates = "100/5m"
    throttle_login_account: Rates = "10/15m,50/1d"
    throttle_login_familiar: Rates = "30/15m"
    throttle_otp_peer: Rates = "60/1h"
    throttle_otp_account: Rates = "3/15m,10/1d"
    throttle_otp_familiar: Rates = "3/15m,10/1d"
    throttle_otp_verify_peer: Rates = "100/15m"
    throttle_refresh_peer: Rates = "600/1m"
    throttle_forgot_peer: Rates = "60/1h"
    throttle_forgot_account: Rates = "3/15m,10/1d"
    throttle_reset_peer: Rates = "60/15m"
    throttle_email_verify_peer: Rates = "100/15m"
    throttle_confirm_peer: Rates = "200/15m"
    throttle_confirm_account: Rates = "10/15m"
    throttle_checkout_peer: Rates = "1000/10m"
    throttle_checkout_account: Rates = "60/10m"
    throttle_refund_peer: Rates = "1000/10m"
    throttle_refund_account: Rates = "300/10m"
    throttle_playback_peer: Rates = "600/10m"
    otel_exporter_otlp_endpoint: str = ""
    otel_exporter_otlp_headers: str = ""
    otel_traces_sampler_arg: Share = 1.0
    sandbox_port: Port = 8001
    sandbox_clock: bool = False

    @property
    def address(self) -> str:
        """Where viewers and providers reach the API, without a slash at the end."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def sandbox_address(self) -> str:
        """Where the simulators listen."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def simulates_stripe(self) -> bool:
        """Without keys, in development, Stripe is the simulator's."""
        return not self.in_production and self.stripe_secret_key in {"", SIMULATED_STRIPE_KEY}


def listed(text: str) -> tuple[str, ...]:
    """The entries of a comma-separated setting."""
    return tuple(entry for part in text.split(",") if (entry := part.strip()))


def rates(text: str) -> list[tuple[int, int]]:
    """The counts and seconds of a setting such as `3/15m,10/1d`."""
    pairs = [entry.split("/") for entry in listed(text)]
    return [(int(count), int(time[:-1]) * SECONDS_OF[time[-1]]) for count, time in pairs]


def read_settings(environment: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """The environment, which outweighs the file. Raises SettingsInvalid."""
    given = {**(_from_file(env_file) if env_file else {}), **(os.environ if environment is None else environment)}
    names = Settings.__struct_fields__
    wanted = {name: value for name in names if (value := given.get(name.upper(), "").strip())}
    try:
        settings = msgspec.convert(wanted, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as trouble:
        raise SettingsInvalid(_named(str(trouble))) from None
    _refuse_untrue_proxies(settings)
    _refuse_untrue_origins(settings)
    _refuse_unknowable_countries(settings)
    _refuse_half_a_twilio(settings)
    if troubles := list(troubles_of_platforms(settings)):
        raise SettingsInvalid("\n".join(troubles))
    if settings.in_production:
        _refuse_unsafe(settings)
    return settings


def _refuse_untrue_proxies(settings: Settings) -> None:
    """Where everybody is believed, everybody chooses the address that limits count."""
    try:
        proxies_of(listed(settings.trusted_proxies))
    except ProxiesUntrue as untrue:
        raise SettingsInvalid(f"TRUSTED_PROXIES: {untrue}") from None


def _refuse_untrue_origins(settings: Settings) -> None:
    for entry in listed(settings.cors_origins):
        if trouble := trouble_of_origin(entry):
            raise SettingsInvalid(f"CORS_ORIGINS: {entry}: {trouble}")


def _refuse_unknowable_countries(settings: Settings) -> None:
    """Where nobody says from where a viewer comes, a list would let in nobody at all."""
    countries = (*listed(settings.countries_allowed), *listed(settings.countries_refused))
    if settings.countries_allowed and settings.countries_refused:
        raise SettingsInvalid("COUNTRIES_ALLOWED, COUNTRIES_REFUSED: only one of them")
    for wrong, right in (("UK", "GB"), ("EL", "GR")):
        if wrong in countries:
            raise SettingsInvalid(f"COUNTRIES_ALLOWED, COUNTRIES_REFUSED: {wrong} is {right} in ISO 3166-1")
    if countries and not settings.country_header:
        raise SettingsInvalid("COUNTRY_HEADER is missing: the header by which a proxy says from where a viewer comes")
    if settings.country_header and not listed(settings.trusted_proxies):
        raise SettingsInvalid("TRUSTED_PROXIES is missing: COUNTRY_HEADER is believed of them alone")


def _refuse_half_a_twilio(settings: Settings) -> None:
    """Nothing of it: no text messages, and in development the simulator. Something of it: all that it takes."""
    key = (settings.twilio_api_key_sid, settings.twilio_api_key_secret)
    if not any((settings.twilio_account_sid, settings.twilio_auth_token, settings.twilio_from, *key)):
        return
    troubles = [
        f"{name.upper()} is missing" for name in ("twilio_account_sid", "twilio_from") if not getattr(settings, name)
    ]
    if any(key) and not all(key):
        troubles.append("TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET belong together")
    elif not settings.twilio_auth_token and not any(key):
        troubles.append("TWILIO_AUTH_TOKEN is missing, or an API key in its place")
    if troubles:
        raise SettingsInvalid("\n".join(f"{trouble} (something else of TWILIO_* is set)" for trouble in troubles))


def _decode(kind: type, value: str) -> object:
    """What msgspec has no word for is made from its text: a path."""
    return kind(value)


def _from_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines; `#` begins a comment line, quotes around a value are taken off. Raises SettingsInvalid."""
    if not path.is_file():
        return {}
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{path.name} is not saved as UTF-8") from None
    pairs = [line.removeprefix("export ").partition("=") for line in lines if line and not line.startswith("#")]
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def _named(trouble: str) -> str:
    """msgspec's words, with the setting's name as the operator knows it."""
    what, _, path = trouble.partition(" - at `$.")
    return f"{path.rstrip('`').upper() or 'A setting'}: {what}"


def _refuse_unsafe(settings: Settings) -> None:
    """In production nothing is made up: what is missing, short or meant for development stops the start."""
    needed = ("public_url", "database_url", "master_keys", "smtp_url", "stripe_secret_key", "stripe_webhook_secrets")
    troubles = [f"{name.upper()} is missing" for name in needed if not getattr(settings, name)]
    troubles += troubles_of_signing(settings.jwt_secret, settings.jwt_keys)
    troubles += troubles_of_master_keys(settings.master_keys)
    if settings.sandbox_clock:
        troubles.append("SANDBOX_CLOCK is for development only")
    troubles += troubles_of_stripe(settings.stripe_secret_key, settings.stripe_webhook_secrets)
    troubles += _troubles_of_addresses(settings)
    if troubles:
        raise SettingsInvalid("\n".join(f"{trouble} (ENV=production)" for trouble in troubles))


def _troubles_of_addresses(settings: Settings) -> list[str]:
    given = {
        name: getattr(settings, name)
        for name in Settings.__struct_fields__
        if name.endswith(("_url", "_base", "_endpoint"))
    }
    troubles = [
        f"{name.upper()} {trouble}"
        for name in ("public_url", "app_url")
        if given[name] and (trouble := trouble_of_pages(given[name]))
    ]
    troubles += [
        f"{name.upper()} must begin with https://, or be on this machine"
        for name in (
            "stripe_api_base",
            "twilio_api_base",
            "mux_api_base",
            "mux_stream_base",
            "mux_image_base",
            "cloudflare_api_base",
            "cloudflare_delivery_base",
            "s3_endpoint",
            "cloudfront_url",
            "sqs_queue_url",
        )
        if not keeps_secrets(given[name])
    ]
    if settings.otel_exporter_otlp_headers and not keeps_secrets(settings.otel_exporter_otlp_endpoint):
        troubles.append("OTEL_EXPORTER_OTLP_HEADERS: to their OTEL_EXPORTER_OTLP_ENDPOINT, by https:// alone, or here")
    if not settings.database_unencrypted:
        troubles += [
            f"{name.upper()} is on another machine: end it with ?sslmode=verify-full, or set DATABASE_UNENCRYPTED=1"
            for name in ("database_url", "database_owner_url", "vault_database_url")
            if given[name] and may_go_in_clear(given[name])
        ]
    return troubles
