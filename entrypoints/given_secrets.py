"""Whether the secrets that an operator has set are any: not short, not made up by hand, not those of an example."""

import base64
import re
from itertools import pairwise

SECRET_LENGTH_MIN = 32
WEBHOOK_SECRET_LENGTH_MIN = 16
"""After `whsec_`; Stripe's own have 32 or more."""
MASTER_KEY_BYTES = 32
SIMULATED_STRIPE_KEY = "sk_test_simulated"
DEVELOPMENT_KEY_NAME = "development"
"""What the master key is called that a data folder of development makes for itself."""

DISTINCT_MIN = 8
"""Of 32 random hexadecimal digits one in 25 million has fewer distinct ones."""
PERIOD_MAX = 15
"""Whatever is one word of up to so many characters, over and over, is guessed."""
STEP_MAX = 1
"""From one character to the next, where a keyboard or an alphabet is gone through."""
PLACEHOLDER = re.compile(
    r"change[ _-]?(?:me|it|this)|replace[ _-]?(?:me|it|this)|place[ _-]?holder|your[ _-]?(?:own|jwt|secret|key|long)|"
    r"insecure|example|development|password|not[ _-]?(?:a[ _-])?secret|secret[ _-]?key|"
    r"(?:jwt|master|dev|test)[ _-]?(?:secret|key)",
    re.IGNORECASE,
)


def troubles_of_signing(secret: str, keys: str) -> list[str]:
    """Of JWT_SECRET, or of the secrets of JWT_KEYS where there are any."""
    if keys:
        given = [entry.partition(":") for entry in _given(keys)]
        found = [weakness for _, _, key in given if (weakness := _weakness_of_signing(key))]
        troubles = [f"JWT_KEYS has a secret which {weakness}" for weakness in dict.fromkeys(found)]
        names = [name.strip() for name, _, _ in given]
        # The last would sign under the name, and what the others have signed be no good.
        return troubles + ["JWT_KEYS has two secrets under one name"] * (len(set(names)) < len(names))
    if not secret:
        return ["JWT_SECRET is missing"]
    return [f"JWT_SECRET {weakness}"] if (weakness := _weakness_of_signing(secret)) else []


def troubles_of_master_keys(keys: str) -> list[str]:
    """Of MASTER_KEYS, each `kid:` and 32 bytes in base64."""
    troubles = []
    for entry in _given(keys):
        kid, _, encoded = entry.partition(":")
        if weakness := _weakness_of_master_key(kid, encoded):
            # Without a colon it is no name: what stands there may be the key.
            troubles.append(
                f"MASTER_KEYS has the key {kid}, which {weakness}" if encoded else f"MASTER_KEYS {weakness}"
            )
    return troubles


def troubles_of_stripe(key: str, webhook_secrets: str) -> list[str]:
    """Keys of Stripe's own test mode are as good as any: a shop may be tried out before it opens."""
    troubles = []
    if key == SIMULATED_STRIPE_KEY:
        troubles.append("STRIPE_SECRET_KEY is the simulator's")
    secrets = [entry.removeprefix("whsec_") for entry in _given(webhook_secrets)]
    if any(len(secret) < WEBHOOK_SECRET_LENGTH_MIN for secret in secrets):
        troubles.append(
            f"STRIPE_WEBHOOK_SECRETS has a secret of less than {WEBHOOK_SECRET_LENGTH_MIN} characters after whsec_"
        )
    return troubles


def _given(text: str) -> list[str]:
    """The entries; where there are only commas, one that is none."""
    entries = [entry for part in text.split(",") if (entry := part.strip())]
    return entries or [""] * bool(text)


def _weakness_of_signing(secret: str) -> str | None:
    if len(secret) < SECRET_LENGTH_MIN:
        return f"has less than {SECRET_LENGTH_MIN} characters"
    return weakness_of(secret)


def _weakness_of_master_key(kid: str, encoded: str) -> str | None:
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        return f"is not written as a name, a colon and {MASTER_KEY_BYTES} bytes in base64"
    if kid == DEVELOPMENT_KEY_NAME:
        return "was made for development"
    return weakness_of(key.decode("latin-1"))


def weakness_of(secret: str) -> str | None:
    """Why somebody who tries what people set by hand finds it; None where it may well be random."""
    if PLACEHOLDER.search(secret):
        return "is an example's"
    if any(secret == (secret[:period] * len(secret))[: len(secret)] for period in range(1, PERIOD_MAX + 1)):
        return "is one thing over and over"
    if len(set(secret)) < DISTINCT_MIN:
        return f"has less than {DISTINCT_MIN} distinct characters"
    steps = [abs(ord(next) - ord(this)) for this, next in pairwise(secret)]
    if sum(step <= STEP_MAX for step in steps) * 2 > len(steps):
        return "is little more than an alphabet gone through"
    return None
