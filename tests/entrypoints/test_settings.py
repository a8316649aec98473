"""Settings: read from one place, named when they are wrong, and never made up in production."""

import base64
import hashlib
from pathlib import Path

import pytest

from entrypoints.database_addresses import may_go_in_clear
from entrypoints.development_secrets import FILE, with_development_secrets
from entrypoints.settings import Settings, SettingsInvalid, listed, rates, read_settings

GOOD = {
    "ENV": "production",
    "PUBLIC_URL": "https://videos.example.com",
    "DATABASE_URL": "postgresql://app@db/streamly?sslmode=verify-full",
    "JWT_SECRET": "a-secret-of-more-than-thirty-two-characters",
    "MASTER_KEYS": "k1:zqkK6ymfUAUdD08tT3PNhLqUp0maxLhE5wUcm3mjpJU=",
    "SMTP_URL": "smtps://streamly:password@mail.example.com",
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_WEBHOOK_SECRETS": "whsec_of-more-than-sixteen-characters",
}


def master_key(key: bytes) -> str:
    return "k1:" + base64.b64encode(key).decode()


FROM_GERMANY = {"COUNTRIES_ALLOWED": "DE, AT", "COUNTRY_HEADER": "CF-IPCountry", "TRUSTED_PROXIES": "10.0.0.5"}


@pytest.mark.parametrize(
    ("given", "trouble"),
    [
        ({"COUNTRIES_REFUSED": "FR"}, "only one"),
        ({"COUNTRIES_ALLOWED": "DE,UK"}, "UK is GB"),
        ({"COUNTRY_HEADER": ""}, "COUNTRY_HEADER is missing"),
        ({"TRUSTED_PROXIES": ""}, "TRUSTED_PROXIES is missing"),
        ({"COUNTRIES_ALLOWED": "", "TRUSTED_PROXIES": ""}, "TRUSTED_PROXIES is missing"),
    ],
)
def test_countries_need_somebody_who_is_believed_and_says_from_where_one_comes(
    given: dict[str, str], trouble: str
) -> None:
    assert listed(read_settings(FROM_GERMANY, None).countries_allowed) == ("DE", "AT")
    with pytest.raises(SettingsInvalid, match=trouble):
        read_settings(FROM_GERMANY | given, None)


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
        ("COUNTRIES_ALLOWED", "Germany"),
        ("COUNTRIES_ALLOWED", "de"),
        ("COUNTRIES_REFUSED", "DE AT"),
        ("COUNTRY_HEADER", "CF IPCountry"),
        ("STREAM_LIMIT_POLICY", "evict"),
        ("TRUSTED_PROXIES", "10.0.0.5,0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.5/8"),
        ("TRUSTED_PROXIES", "0.0.0.0/1,128.0.0.0/1"),
        ("TRUSTED_PROXIES", "0.0.0.0/2,64.0.0.0/2,128.0.0.0/2"),
        ("TRUSTED_PROXIES", "12.0.0.0/8,13.0.0.0/8"),
        ("TRUSTED_PROXIES", "::/1,8000::/1"),
        ("TRUSTED_PROXIES", "2000::/7,2200::/7"),
        ("TRUSTED_PROXIES", "2000::/3"),
        ("TRUSTED_PROXIES", "::/64"),
        ("TRUSTED_PROXIES", "::ffff:0:0/96"),
        ("TRUSTED_PROXIES", "::ffff:0:0/97,128.0.0.0/1"),
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


@pytest.mark.parametrize("proxies", ["10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", "127.0.0.1,::1,fc00::/7", "10.0.0.5"])
def test_networks_of_ones_own_may_be_trusted(proxies: str) -> None:
    assert read_settings({"TRUSTED_PROXIES": proxies}, None).trusted_proxies == proxies


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
        ("JWT_SECRET", "changeme" * 5),
        ("JWT_SECRET", "Please-CHANGE_ME-before-you-go-to-production"),
        ("JWT_SECRET", "your-secret-key-of-thirty-two-characters-or-more"),
        ("JWT_SECRET", "development-secret-development-secret"),
        ("JWT_SECRET", "x" * 40),
        ("JWT_SECRET", "an-old-word" * 4),
        ("JWT_SECRET", "a7Kz" * 4 + "z7Ka" * 3 + "K7az" * 4),
        ("JWT_SECRET", "0123456789abcdefghijklmnopqrstuvwxyz"),
        ("JWT_KEYS", "k1:short"),
        ("JWT_KEYS", "k1:" + "changeme" * 5),
        ("JWT_KEYS", GOOD["JWT_SECRET"]),
        ("JWT_KEYS", f"a:{GOOD['JWT_SECRET']},a:one-more-of-all-but-forty-characters-too"),
        ("JWT_KEYS", ","),
        ("MASTER_KEYS", "k1:" + "A" * 43 + "="),
        ("MASTER_KEYS", master_key(b"0123456789abcdef" * 2)),
        ("MASTER_KEYS", master_key(bytes(range(32)))),
        ("MASTER_KEYS", master_key(b"change me, I am 32 bytes of text")),
        ("MASTER_KEYS", f"{GOOD['MASTER_KEYS']},k0:{'A' * 43}="),
        ("MASTER_KEYS", GOOD["MASTER_KEYS"].replace("k1", "development")),
        ("MASTER_KEYS", GOOD["MASTER_KEYS"].removeprefix("k1:")),
        ("MASTER_KEYS", "k1:c2hvcnQ="),
        ("MASTER_KEYS", "k1:no base64"),
        ("MASTER_KEYS", ","),
        ("PUBLIC_URL", "http://videos.example.com"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https:///videos"),
        ("PUBLIC_URL", "https://:443"),
        ("PUBLIC_URL", "https://videos.example.com:port"),
        ("PUBLIC_URL", "https://videos.example.com/?from=mail"),
        ("PUBLIC_URL", "https://videos.example.com/#top"),
        ("PUBLIC_URL", "https://videos.example.com@elsewhere.example.org"),
        ("APP_URL", "http://app.example.com"),
        ("APP_URL", "javascript:alert(1)"),
        ("APP_URL", "app.example.com"),
        ("APP_URL", "https://"),
        ("SANDBOX_CLOCK", "1"),
        ("STRIPE_API_BASE", "http://stripe.example.com"),
        ("STRIPE_API_BASE", "http://127.0.0.1@stripe.example.com"),
        ("TWILIO_API_BASE", "ftp://twilio.example.com"),
        ("TWILIO_API_BASE", "http://[::1"),
        ("STRIPE_SECRET_KEY", "sk_test_simulated"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_"),
        ("STRIPE_WEBHOOK_SECRETS", ","),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_fifteen-letters"),
        ("STRIPE_WEBHOOK_SECRETS", "fifteen-letters"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_of-more-than-sixteen-characters,whsec_short"),
    ],
)
def test_production_does_not_start_with_what_is_only_good_for_development(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"^{name} .*[(]ENV=production[)]$") as refused:
        read_settings({**GOOD, name: value}, None)
    assert len(value) < len("https://") or value not in str(refused.value), "it may be a secret"


@pytest.mark.parametrize("name", ["JWT_SECRET", "MASTER_KEYS"])
def test_a_secret_that_was_made_at_random_is_good(name: str) -> None:
    """As .env.example has it made, and in hexadecimal."""
    for each in range(200):
        made = hashlib.sha256(b"%d" % each).digest()
        jwt_secrets = base64.b64encode(made + made[:16]).decode(), made.hex(), made[:16].hex()
        for value in jwt_secrets if name == "JWT_SECRET" else [master_key(made)]:
            assert read_settings({**GOOD, name: value}, None).in_production


def test_links_may_lead_to_a_folder_and_a_port() -> None:
    given = {"PUBLIC_URL": "https://example.com:8443/videos/", "APP_URL": "https://app.example.com/de"}

    assert read_settings({**GOOD, **given}, None).address == "https://example.com:8443/videos"


TO_COLLECTOR = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_what_the_collector_of_spans_is_told_in_confidence_goes_to_it_encrypted() -> None:
    key = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret"}
    with pytest.raises(SettingsInvalid, match=r"^OTEL_EXPORTER_OTLP_HEADERS"):
        read_settings({**GOOD, **key, TO_COLLECTOR: "http://collector.example.com:4318"}, None)

    for kept in ("https://collector.example.com", "http://127.0.0.1:4318"):
        assert read_settings({**GOOD, **key, TO_COLLECTOR: kept}, None).in_production
    assert read_settings({**GOOD, TO_COLLECTOR: "http://collector:4318"}, None).in_production


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
    "host=db sslmode=disable application_name='sslmode=require'",
    "postgresql://db/streamly?sslmode=require&sslmode=disable",
    "host=localhost,db hostaddr=127.0.0.1, dbname=streamly",
    "service=videos",
    "postgresql:///streamly?service=videos",
    "service=videos host=localhost",
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
    "host=db hostaddr=127.0.0.1 dbname=streamly",
    "service=videos sslmode=verify-full",
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
    ("around", "goes"),
    [
        ({"PGHOST": "db"}, "in the clear"),
        ({"PGHOST": "localhost", "PGHOSTADDR": "10.0.0.5"}, "in the clear"),
        ({"PGSERVICE": "videos"}, "in the clear"),
        ({"PGSERVICE": "videos", "PGSSLMODE": "verify-full"}, "encrypted"),
        ({"PGHOST": "db", "PGSSLMODE": "verify-full"}, "encrypted"),
        ({"PGHOST": "/var/run/postgresql"}, "nowhere"),
    ],
)
def test_what_an_address_does_not_say_libpq_takes_from_around_it(
    around: dict[str, str], goes: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As it does for the connections themselves."""
    (tmp_path / "services").write_text("[videos]\nhost=db\n")
    for name, value in {**around, "PGSERVICEFILE": str(tmp_path / "services")}.items():
        monkeypatch.setenv(name, value)

    assert may_go_in_clear("postgresql:///streamly") == (goes == "in the clear")
    assert may_go_in_clear("postgresql://db/streamly") == (goes != "encrypted")
    assert may_go_in_clear("service=videos"), "what it says goes before the environment"
    assert not may_go_in_clear("postgresql://localhost/streamly?hostaddr=127.0.0.1")
    assert read_settings({**GOOD, "DATABASE_OWNER_URL": ""}, None).in_production, "none is given"


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


def test_a_file_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    """Unseen, it would make development of `ENV=production`."""
    file = tmp_path / ".env"
    file.write_text("ENV=production\n", "utf-8-sig")
    with pytest.raises(SettingsInvalid, match="MASTER_KEYS is missing"):
        read_settings({}, file)


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


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ENV=production\n", "utf-16")

    with pytest.raises(SettingsInvalid, match=r"^\.env is not saved as UTF-8$"):
        read_settings({}, file)
