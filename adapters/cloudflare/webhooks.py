"""Cloudflare's notices: whose signature it is, how old it is, and which of our videos it is about.

https://developers.cloudflare.com/stream/manage-video-library/using-webhooks. Sent at the end of processing alone, and
without an id: what says the same of the same video is the same notice.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from adapters.cloudflare.objects import StreamVideo
from application.ports.deliveries import Delivery, EventMalformed, SignatureInvalid

HEADER = "webhook-signature"
TIMESTAMP = re.compile("time=([0-9]{1,12})")
SIGNATURE = re.compile("sig1=([0-9a-f]{64})")
HEADER_LENGTH_MAX = 1_000
STATE = re.compile(r"[a-z-]{1,50}")
NOTICE = msgspec.json.Decoder(StreamVideo)


class Signatures:
    """The secrets of the account's one webhook: while one replaces another, both are good."""

    def __init__(self, secrets: Sequence[str], *, tolerance: timedelta) -> None:
        """Raises ValueError where one is empty, or none is given: anybody could sign with that."""
        if not secrets or not all(secret.strip() for secret in secrets):
            raise ValueError("a webhook secret of Cloudflare is missing or empty")
        self._secrets = tuple(secret.strip().encode() for secret in secrets)
        self._tolerance = tolerance

    def check(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        """Raises SignatureInvalid unless one of the secrets signed these very bytes within the tolerance of `now`."""
        header = next((value for name, value in headers.items() if name.lower() == HEADER), "")
        parts = [part.strip() for part in header.split(",")] if len(header) <= HEADER_LENGTH_MAX else []
        stamps = [found[1] for part in parts if (found := TIMESTAMP.fullmatch(part))]
        signatures = [found[1] for part in parts if (found := SIGNATURE.fullmatch(part))]
        if len(stamps) != 1 or len([part for part in parts if part.startswith("time=")]) != 1:
            raise SignatureInvalid("The Webhook-Signature header is missing, or has no time that can be read.")
        signed = f"{stamps[0]}.".encode() + body
        good = [hmac.new(secret, signed, "sha256").hexdigest() for secret in self._secrets]
        if not any(hmac.compare_digest(given, one) for given in signatures for one in good):
            raise SignatureInvalid("No signature in the header is that of this body under one of our secrets.")
        if abs(now.timestamp() - int(stamps[0])) > self._tolerance.total_seconds():
            raise SignatureInvalid("It was signed too long ago, or in the future.")


def delivery(body: bytes, *, provider: str, now: datetime) -> Delivery:
    """What a verified body says; its `creator` is what we called it.

    Raises:
        EventMalformed: it is signed, and still no notice.
    """
    try:
        video = NOTICE.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise EventMalformed(f"It is signed, but it is no notice: {error}") from None
    state = video.status.state
    what = f"{video.uid}\0{state}\0{video.modified}".encode()
    return Delivery(
        provider=provider,
        event_id=hashlib.sha256(what).hexdigest(),
        type=f"stream.{state}" if STATE.fullmatch(state) else "stream",
        customer_id=_id(video.creator),
        livemode=True,
        api_version=None,
        created_at=now,
        body=body,
    )


def _id(creator: str | None) -> str | None:
    """Our id of the video; whoever else uploads to the same account calls theirs otherwise."""
    try:
        return str(UUID(creator or ""))
    except ValueError:
        return None
