"""Settings: read from one place, named when they are wrong, and never made up in production."""

from pathlib import Path

import pytest

from entrypoints.development_secrets import FILE, with_development_secrets
from entrypoints.settings import Settings, SettingsInvalid, rates, read_settings

GOOD = {
    "ENV": "production",
    "PUBLIC_URL": "https://videos.example.com",
    "DATABASE_URL": "postgresql://app@db/streamly?sslmode=verify-full",
    "JWT_SECRET": "a-secret-of-more-than-thirty-two-characters",
    "MASTER_KEYS": "k1:" + "A" * 43 + "=",
    "SMTP_URL": "smtps://streamly:password@mail.example.com",
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_WEBHOOK_SECRETS": "whsec_of-more-than-sixteen-characters",
}


def test_nothing_is_needed_in_development() -> None:
    settings = read_settings({}, None)
    assert (settings.env, settings.port, settings.data_dir) == ("development", 8000, Path("var"))
    assert settings.simulates_stripe


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THROTTLE_LOGIN_PEER", "0/1h"),
        ("THROTTLE_LOGIN_PEER", "20"),
        ("THROTTLE_LOGIN_PEER", "20/hour"),
        ("THROTTLE_LOGIN_PEER", "20/1h,"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.5,0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.5/8"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "https://shop.test,*"),
        ("CORS_ORIGINS", "https://*.shop.test"),
        ("CORS_ORIGINS", "https://shop.*"),
        ("CORS_ORIGINS", "shop.test"),
        ("CORS_ORIGINS", "https://"),
        ("CORS_ORIGINS", "https://Shop.test"),
        ("CORS_ORIGINS", "https://shop.test/"),
        ("CORS_ORIGINS", "https://shop.test/page"),
        ("CORS_ORIGINS", "https://shop.test?a=1"),
        ("CORS_ORIGINS", "https://anna@shop.test"),
        ("CORS_ORIGINS", "https://shop.test https://evil.test"),
        ("CORS_ORIGINS", "https://shop.test:443"),
        ("CORS_ORIGINS", "http://shop.test:80"),
        ("CORS_ORIGINS", "https://shop.test:70000"),
        ("CORS_ORIGINS", "https://shop.test:port"),
        ("CORS_ORIGINS", "https://shöp.test"),
        ("CORS_ORIGINS", "file:///page.html"),
    ],
)
def test_what_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        read_settings({name: value}, None)


def test_pages_are_let_in_by_the_origins_that_browsers_send() -> None:
    origins = "https://shop.test, http://localhost:5173,https://xn--shp-ula.test:8443,http://[::1]:3000,http://10.0.0.5"
    assert read_settings({"CORS_ORIGINS": origins}, None).cors_origins == origins


def test_rates_are_counts_and_seconds() -> None:
    assert rates("3/15m,10/1d,5/30s") == [(3, 900), (10, 86_400), (5, 30)]


TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "token", "TWILIO_FROM": "+15005550006"}
BY_KEY = {"TWILIO_AUTH_TOKEN": "", "TWILIO_API_KEY_SID": "SK1", "TWILIO_API_KEY_SECRET": "secret"}


def test_text_messages_take_all_of_twilio_or_nothing() -> None:
    assert read_settings({**GOOD, **TWILIO}, None).twilio_from == "+15005550006"
    assert read_settings({**GOOD, **TWILIO, **BY_KEY}, None).twilio_api_key_sid == "SK1"
    assert read_settings(GOOD, None).twilio_account_sid == ""


@pytest.mark.parametrize("env", [{}, GOOD])
@pytest.mark.parametrize(
    ("half", "said"),
    [
        ({**TWILIO, "TWILIO_ACCOUNT_SID": ""}, "TWILIO_ACCOUNT_SID is missing"),
        ({**TWILIO, "TWILIO_FROM": ""}, "TWILIO_FROM is missing"),
        ({**TWILIO, "TWILIO_AUTH_TOKEN": " "}, "TWILIO_AUTH_TOKEN is missing"),
        ({**TWILIO, **BY_KEY, "TWILIO_API_KEY_SID": ""}, "belong together"),
        ({**TWILIO, **BY_KEY, "TWILIO_API_KEY_SECRET": ""}, "belong together"),
    ],
)
def test_half_a_twilio_stops_the_start_and_names_what_is_missing(
    env: dict[str, str], half: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        read_settings({**env, **half}, None)


def test_production_starts_when_everything_is_set() -> None:
    assert read_settings(GOOD, None).in_production


def test_production_may_run_in_stripes_test_mode() -> None:
    assert read_settings({**GOOD, "STRIPE_SECRET_KEY": "sk_test_51Nfoo"}, None).stripe_secret_key == "sk_test_51Nfoo"


@pytest.mark.parametrize(
    "base", ["https://api.example.com", "http://127.0.0.1:8443", "http://localhost", "http://[::1]:1"]
)
def test_production_may_ask_another_server_in_the_providers_place(base: str) -> None:
    given = read_settings({**GOOD, "STRIPE_API_BASE": base, "TWILIO_API_BASE": base}, None)

    assert (given.stripe_api_base, given.twilio_api_base) == (base, base)


@pytest.mark.parametrize("name", [name for name in GOOD if name != "ENV"])
@pytest.mark.parametrize("value", ["", "   "])
def test_production_does_not_start_without_each_of_them_and_says_which(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        read_settings({**GOOD, name: value}, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "short"),
        ("JWT_KEYS", "k1:short"),
        ("PUBLIC_URL", "http://videos.example.com"),
        ("SANDBOX_CLOCK", "1"),
        ("STRIPE_API_BASE", "http://stripe.example.com"),
        ("STRIPE_API_BASE", "http://127.0.0.1@stripe.example.com"),
        ("TWILIO_API_BASE", "ftp://twilio.example.com"),
        ("TWILIO_API_BASE", "http://[::1"),
        ("STRIPE_SECRET_KEY", "sk_test_simulated"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_fifteen-letters"),
        ("STRIPE_WEBHOOK_SECRETS", "fifteen-letters"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_of-more-than-sixteen-characters,whsec_short"),
    ],
)
def test_production_does_not_start_with_what_is_only_good_for_development(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        read_settings({**GOOD, name: value}, None)


CLEAR = [
    "postgresql://app@db/streamly",
    "postgresql://app:p%40ss@10.0.0.5:5432/streamly?connect_timeout=3",
    "postgresql://db/streamly?sslmode=prefer",
    "postgresql://db/streamly?sslmode=disable",
    "postgresql://127.0.0.1,db:5433/streamly",
    "postgresql://app@[2001:db8::1]:5432/streamly",
    "postgresql:///streamly?host=db",
    "postgresql://127.0.0.1/streamly?hostaddr=10.0.0.5",
    "postgresql://localhost.example.com/streamly",
    "postgresql://[::1/streamly",
    "host=db dbname=streamly",
    "host = 'db' dbname=streamly sslmode=allow",
]
KEPT = [
    "postgresql://app@db/streamly?sslmode=require",
    "postgresql://db/streamly?sslmode=verify-ca&connect_timeout=3",
    "postgresql://localhost/streamly",
    "postgresql://app:p@127.0.0.1:5432,localhost:5433/streamly",
    "postgresql://app@[::1]:5432/streamly",
    "postgresql:///streamly",
    "postgresql:///streamly?host=/var/run/postgresql",
    "postgresql://app@%2Fvar%2Frun%2Fpostgresql:5432/streamly",
    "host=db dbname=streamly sslmode = 'verify-full'",
    "host=/tmp dbname=streamly",
    "dbname=streamly",
]


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_OWNER_URL", "VAULT_DATABASE_URL"])
@pytest.mark.parametrize("address", CLEAR)
def test_in_production_no_database_is_spoken_to_in_the_clear_unless_that_is_allowed(name: str, address: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"^{name} is on another machine"):
        read_settings({**GOOD, name: address}, None)

    assert read_settings({**GOOD, name: address, "DATABASE_UNENCRYPTED": "1"}, None).in_production
    assert not read_settings({name: address}, None).in_production


@pytest.mark.parametrize("address", KEPT)
def test_a_database_on_this_machine_or_one_that_encrypts_needs_no_leave(address: str) -> None:
    given = {**GOOD, "DATABASE_URL": address, "DATABASE_OWNER_URL": address, "VAULT_DATABASE_URL": address}

    assert read_settings(given, None).in_production


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "http"), ("PORT", "70000"), ("ENV", "staging"), ("SANDBOX_CLOCK", "perhaps")]
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        read_settings({name: value}, None)


def test_the_environment_outweighs_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\nPORT=9000\nexport HOST='0.0.0.0'\n\nPUBLIC_URL=\"https://a.example.com/\"\n")
    settings = read_settings({"PORT": "9001"}, file)
    assert (settings.port, settings.host, settings.address) == (9001, "0.0.0.0", "https://a.example.com")  # noqa: S104


def test_development_secrets_are_made_once_and_kept_for_their_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first, second = with_development_secrets(settings), with_development_secrets(settings)
    assert first == second
    assert len(first.jwt_secret) >= 32
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert first.stripe_api_base == "http://127.0.0.1:8001/stripe"


def test_given_stripe_keys_go_to_stripe_itself(tmp_path: Path) -> None:
    given = with_development_secrets(Settings(data_dir=tmp_path, stripe_secret_key="sk_test_mine"))
    assert (given.stripe_api_base, given.simulates_stripe) == ("", False)


def test_in_production_no_secret_is_made_up(tmp_path: Path) -> None:
    settings = Settings(env="production", data_dir=tmp_path)
    assert with_development_secrets(settings) == settings
    assert not (tmp_path / FILE).exists()
