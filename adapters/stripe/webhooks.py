"""Stripe's webhooks: whose signature it is, how old it is, and the few fields that are read at once.

https://docs.stripe.com/webhooks/signature. The check of the SDK compares with the machine's clock and accepts any time
in the future, so the time is compared here: with the time that is handed in, and both ways.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from stripe import SignatureVerificationError, WebhookSignature

from adapters.stripe.customers import NOTHING_SAID, EventData, Related, Said, said
from adapters.stripe.payments import PROVIDER
from adapters.stripe.units import at
from application.ports.deliveries import Delivery, EventMalformed, SignatureInvalid

HEADER = "stripe-signature"
EVENTS_LOST = "v2.core.health.event_generation_failure.resolved"
"""https://docs.stripe.com/webhooks/handle-irrecoverable-events: what happened meanwhile is in no list of events."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - with nothing behind it it is no secret
TIMESTAMP = re.compile("t=([0-9]{1,12})")
LATEST_SECONDS = 253_402_300_799  # the end of the year 9999

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=LATEST_SECONDS)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
NUL = "\0"
"""Elsewhere in a body it does no harm: that is kept as bytes."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot event and a thin one (`v2.core.event`) have in common; a thin one carries no object."""

    id: Word
    type: Word
    livemode: bool
    created: Seconds | Instant
    """Unix seconds in a snapshot, RFC 3339 in a thin event."""
    api_version: str | None = None


class Event(Envelope, frozen=True, kw_only=True):
    """An envelope with what there is in it, as `Said` has it: read at once, since a body is long."""

    data: EventData | None = None
    related_object: Related | None = None
    snapshot_event: str | None = None


ENVELOPE = msgspec.json.Decoder(Envelope)
EVENT = msgspec.json.Decoder(Event)


class Signatures:
    """The secrets of our endpoint: while one replaces another, both are good."""

    def __init__(self, secrets: Sequence[str], *, tolerance: timedelta) -> None:
        """Raises ValueError where one is empty, or none is given: anybody could sign with that."""
        if not secrets or any(not secret.strip().removeprefix(SECRET_PREFIX) for secret in secrets):
            raise ValueError("a webhook secret is missing or empty")
        self._secrets = tuple(secret.strip() for secret in secrets)
        self._tolerance = tolerance

    def check(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        """Raises SignatureInvalid unless one of the secrets signed these very bytes within the tolerance of `now`."""
        header = next((value for name, value in headers.items() if name.lower() == HEADER), "")
        signed_at = _signed_at(header)
        if not any(_is_signed(body, header, secret) for secret in self._secrets):
            raise SignatureInvalid("No signature in the header is that of this body under one of our secrets.")
        if abs(now.timestamp() - signed_at) > self._tolerance.total_seconds():
            raise SignatureInvalid("It was signed too long ago, or in the future.")


def _signed_at(header: str) -> int:
    """The one timestamp of the header: with a second one, another could be checked than was signed."""
    stamps = [part for part in header.split(",") if part.startswith("t=")]
    stamp = TIMESTAMP.fullmatch(stamps[0]) if len(stamps) == 1 else None
    if stamp is None:
        raise SignatureInvalid("The Stripe-Signature header is missing, or has no timestamp that can be read.")
    return int(stamp[1])


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    try:
        WebhookSignature.verify_header(body, header, secret, tolerance=None)
    except (SignatureVerificationError, TypeError, UnicodeError):
        # TypeError: a signature that is not ASCII. UnicodeError: a body that is no text.
        return False
    return True


def delivery(body: bytes, *, livemode: bool) -> Delivery:
    """What a verified body says; of the other mode's customers nobody is asked, so it names none.

    Raises:
        EventMalformed: it is signed, and still no event.
    """
    envelope, event = _read(body)
    ours = envelope.livemode == livemode
    if not ours:
        event = NOTHING_SAID
    customer_id = event.customer_id
    if NUL in "".join((envelope.id, envelope.type, envelope.api_version or "", customer_id or "")):
        raise EventMalformed("A NUL in its id, type, version or customer is more than PostgreSQL's text can hold.")
    return Delivery(
        provider=PROVIDER,
        event_id=envelope.id,
        type=envelope.type,
        customer_id=customer_id,
        livemode=envelope.livemode,
        api_version=envelope.api_version,
        created_at=_moment(envelope.created),
        body=body,
        to_find=customer_id is None and any(event.leads()),
        events_lost=ours and envelope.type == EVENTS_LOST,
    )


def _moment(created: int | datetime) -> datetime:
    """Raises EventMalformed for a time of day that lies beyond the years there are."""
    try:
        return created.astimezone(UTC) if isinstance(created, datetime) else at(created)
    except OverflowError:
        raise EventMalformed("It is of a time that there is not.") from None


def _read(body: bytes) -> tuple[Envelope, Said]:
    """Of a kind or a version that says something in another way the rest is read; that takes longer."""
    try:
        event = EVENT.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _envelope(body), said(body)
    return event, Said(event.data, event.related_object, event.snapshot_event)


def _envelope(body: bytes) -> Envelope:
    try:
        return ENVELOPE.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise EventMalformed(f"It is signed, but it is no event: {error}") from None
