"""Answers by idempotency key: the same request again gets the same answer, for as long as Stripe keeps them."""

import hashlib
from dataclasses import dataclass

import msgspec

from adapters.sandbox.stripe.books.database import Database
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.shapes import StripeObject

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True)
class Given:
    request_id: str
    body: bytes


class Answers:
    """Reads and writes within the transaction of its caller. Only what succeeded is kept: a refusal changed nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recall(self, key: str, fingerprint: str, *, now: int) -> Given | None:
        """What the key was answered before; refused where it came with another request."""
        if len(key) > LONGEST_KEY:
            raise StripeRefusal(f"Idempotency keys may have at most {LONGEST_KEY} characters.")
        self._database.execute("DELETE FROM answers WHERE given_at <= ?", now - KEPT_SECONDS)
        row = self._database.execute("SELECT * FROM answers WHERE idempotency_key = ?", key).fetchone()
        if row is None:
            return None
        if row["fingerprint"] != fingerprint:
            raise StripeRefusal(
                "Keys for idempotent requests can only be used with the same endpoint and the same parameters they"
                f" were first used with. Try using a key other than '{key}'.",
                type="idempotency_error",
            )
        return Given(row["request_id"], row["body"])

    def remember(self, key: str, fingerprint: str, given: Given, *, now: int) -> None:
        self._database.execute(
            "INSERT INTO answers (idempotency_key, fingerprint, given_at, request_id, body) VALUES (?, ?, ?, ?, ?)",
            key,
            fingerprint,
            now,
            given.request_id,
            given.body,
        )


def fingerprint(path: str, form: StripeObject) -> str:
    return hashlib.sha256(msgspec.json.encode([path, form], order="deterministic")).hexdigest()
