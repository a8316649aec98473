"""What keeps injection out and secrets in, where it is a matter of what is never written: rules, imports, the image."""

import re
import tomllib
from collections import Counter

from tests.architecture.source import PACKAGES, ROOT, sources

LINT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()

SECURITY = re.compile(r"ALL|S|S\d+").fullmatch
EXCEPTION = re.compile(r"# noqa: *(S\d{3})")

# Ruff's rules on security that may stand aside: a program is started from a list, by a name or a path.
ASIDE = {"S101", "S603", "S606"}

# Each with its reason beside it: words that only look like secrets, what a person is shown to type, a folder whose
# owner is checked, the hash by which CloudFront verifies, and the simulator's own dice and SQLite.
EXCEPTIONS = {
    ("adapters/embedded_postgres/cluster.py", "S108"): 1,
    ("adapters/eventstore/generations.py", "S608"): 1,
    ("adapters/s3/cloudfront.py", "S303"): 2,
    ("adapters/sandbox/cloudflare/account.py", "S105"): 1,
    ("adapters/sandbox/mux/account.py", "S105"): 2,
    ("adapters/sandbox/stripe/books/store.py", "S608"): 2,
    ("adapters/sandbox/stripe/courier.py", "S311"): 1,
    ("adapters/sandbox/twilio/account.py", "S105"): 1,
    ("adapters/stripe/webhooks.py", "S105"): 1,
    ("entrypoints/http/views.py", "S105"): 1,
}

CLIENTS = (
    "aiohttp",
    "ftplib",
    "http.client",
    "httpx",
    "requests",
    "smtplib",
    "urllib.request",
    "urllib3",
    "websockets",
)
REACH_OUT = {
    "adapters/cloudflare/client.py": "httpx",
    "adapters/mail/smtp.py": "smtplib",
    "adapters/mux/sdk.py": "urllib3.exceptions",
    "adapters/sandbox/client.py": "httpx",
    "adapters/sandbox/stripe/courier.py": "httpx",
    "adapters/sms/twilio.py": "httpx",
    "adapters/stripe/transport.py": "httpx",
    "entrypoints/cli/client.py": "httpx",
    "entrypoints/cli/service.py": "httpx",
}


def test_the_rules_against_injection_and_weak_crypto_hold_everywhere() -> None:
    """`make check` finds eval, pickle, a shell, SQL put together from strings, XML, MD5, dice, and TLS unverified."""
    excepted = Counter(
        (source.path, rule)
        for source in sources(*PACKAGES)
        for rule in EXCEPTION.findall((ROOT / source.path).read_text())
    )

    assert "ALL" in LINT["select"]
    assert {rule for rule in LINT["ignore"] if SECURITY(rule)} == ASIDE
    assert {folder for folder, rules in LINT["per-file-ignores"].items() if any(map(SECURITY, rules))} == {"tests/**"}
    assert dict(excepted) == EXCEPTIONS


def test_nothing_but_the_providers_adapters_reaches_out() -> None:
    """No address that somebody sends is ever asked: there is nothing to ask it with."""
    found = {
        source.path: module
        for source in sources(*PACKAGES)
        for _, module in source.imported
        if module.startswith(CLIENTS)
    }

    assert found == REACH_OUT


def test_the_image_holds_the_program_alone_and_runs_as_nobody_in_particular() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    users = [line for line in DOCKERFILE.splitlines() if line.startswith("USER ")]

    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert {line for line in ignored if line.startswith("!")} == {
        *("!LICENSE", "!pyproject.toml", "!requirements-runtime.lock", "!requirements-extras.lock"),
        *(f"!{package}" for package in PACKAGES),
    }
    assert [".", "./"] not in copied
    assert users == ["USER 10001:10001"]


def test_the_service_of_docker_compose_has_no_more_than_it_needs() -> None:
    settings = COMPOSE.partition("x-settings: &settings")[2].partition("\nservices:")[0]
    service = COMPOSE.partition("x-streamly: &streamly")[2].partition("x-settings:")[0]
    ours = re.findall(r"^  (\w+):\n    <<: \*streamly$", COMPOSE, re.MULTILINE)

    assert ours == ["migrate", "api", "worker"]
    assert "  cap_drop: [ALL]\n" in service
    assert '  security_opt: ["no-new-privileges:true"]\n' in service
    assert "  read_only: true\n" in service
    assert '  DATABASE_OWNER_URL: ""\n' in settings
    assert '  POSTGRES_PASSWORD: ""\n' in settings
    assert re.findall(r"(?:PASSWORD|SECRET|KEYS?)\w*:-[^}]", COMPOSE) == []
