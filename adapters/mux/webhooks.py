"""Mux's webhooks: whose signature it is, how old it is, and which of our videos it is about.

https://www.mux.com/docs/core/verify-webhook-signatures. The SDK brings nothing for it.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from application.ports.deliveries import Delivery, EventMalformed, SignatureInvalid

HEADER = "mux-signature"
TIMESTAMP = re.compile("t=([0-9]{1,12})")
SIGNATURE = re.compile("v1=([0-9a-f]{64})")
HEADER_LENGTH_MAX = 1_000

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern="^[^\0]*$")]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Settings(msgspec.Struct, frozen=True):
    passthrough: str | None = None


class Subject(msgspec.Struct, frozen=True):
    """An asset says by itself how we call it; an upload says so of the asset that it is to become."""

    passthrough: str | None = None
    new_asset_settings: Settings | None = None


class Event(msgspec.Struct, frozen=True):
    id: Word
    type: Word
    created_at: Instant
    data: msgspec.Raw = msgspec.Raw(b"null")


EVENT = msgspec.json.Decoder(Event)
SUBJECT = msgspec.json.Decoder(Subject)


class Signatures:
    """The secrets of our endpoint: while one replaces another, both are good."""

    def __init__(self, secrets: Sequence[str], *, tolerance: timedelta) -> None:
        """Raises ValueError where one is empty, or none is given: anybody could sign with that."""
        if not secrets or not all(secret.strip() for secret in secrets):
            raise ValueError("a webhook secret of Mux is missing or empty")
        self._secrets = tuple(secret.strip().encode() for secret in secrets)
        self._tolerance = tolerance

    def check(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        """Raises SignatureInvalid unless one of the secrets signed these very bytes within the tolerance of `now`."""
        header = next((value for name, value in headers.items() if name.lower() == HEADER), "")
        signed_at, signatures = _read(header)
        signed = f"{signed_at}.".encode() + body
        good = [hmac.new(secret, signed, "sha256").hexdigest() for secret in self._secrets]
        if not any(hmac.compare_digest(given, one) for given in signatures for one in good):
            raise SignatureInvalid("No signature in the header is that of this body under one of our secrets.")
        if abs(now.timestamp() - int(signed_at)) > self._tolerance.total_seconds():
            raise SignatureInvalid("It was signed too long ago, or in the future.")


def _read(header: str) -> tuple[str, list[str]]:
    """The one timestamp of the header, as it was signed, and its signatures."""
    parts = [part.strip() for part in header.split(",")] if len(header) <= HEADER_LENGTH_MAX else []
    stamps = [part for part in parts if part.startswith("t=")]
    stamp = TIMESTAMP.fullmatch(stamps[0]) if len(stamps) == 1 else None
    if stamp is None:
        raise SignatureInvalid("The Mux-Signature header is missing, or has no timestamp that can be read.")
    return stamp[1], [found[1] for part in parts if (found := SIGNATURE.fullmatch(part))]


def delivery(body: bytes, *, provider: str) -> Delivery:
    """What a verified body says; it is about a video where it calls it as only we do.

    Raises:
        EventMalformed: it is signed, and still no event.
    """
    try:
        event = EVENT.decode(body)
        created_at = event.created_at.astimezone(UTC)  # a time of day may lie beyond the years there are
    except (msgspec.DecodeError, RecursionError, UnicodeError, OverflowError) as error:
        raise EventMalformed(f"It is signed, but it is no event: {error}") from None
    return Delivery(
        provider=provider,
        event_id=event.id,
        type=event.type,
        customer_id=_video(event.data),
        livemode=True,
        api_version=None,
        created_at=created_at,
        body=body,
    )


def _video(data: msgspec.Raw) -> str | None:
    """Our id of the video; whoever else uploads to the same environment calls theirs otherwise."""
    try:
        subject = SUBJECT.decode(data)
        settings = subject.new_asset_settings or Settings()
        return str(UUID(subject.passthrough or settings.passthrough or ""))
    except (msgspec.DecodeError, ValueError):
        return None
