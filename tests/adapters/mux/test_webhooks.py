"""Whose signature a notice of Mux has, how old it is, and which video it is about."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapters.mux.webhooks import Signatures, delivery
from application.ports.deliveries import Delivery, EventMalformed, SignatureInvalid
from tests.contracts.video_platform import NOW

OLD, NEW = "the old secret", "the new secret"
VIDEO = "8c1e3f0a-58a5-4a8e-9d0b-0f6a5f3c2b10"
READY: dict[str, Any] = {
    "type": "video.asset.ready",
    "id": "event-1",
    "created_at": "2026-11-21T20:14:58.123456Z",
    "object": {"type": "asset", "id": "asset-1"},
    "environment": {"name": "Production", "id": "env-1"},
    "data": {
        "id": "asset-1",
        "status": "ready",
        "passthrough": VIDEO,
        "playback_ids": [{"id": "p", "policy": "signed"}],
    },
}
BODY = msgspec.json.encode(READY)
T = f"t={NOW.timestamp():.0f}"


def mac(body: bytes = BODY, secret: str = NEW, at: datetime = NOW) -> str:
    return hmac.new(secret.encode(), b"%d." % at.timestamp() + body, hashlib.sha256).hexdigest()


def check(header: str, *, body: bytes = BODY, now: datetime = NOW, name: str = "mux-signature") -> None:
    Signatures([OLD, f" {NEW} "], tolerance=timedelta(minutes=5)).check(body, {name: header}, now=now)


def told(**changed: Any) -> Delivery:
    return delivery(msgspec.json.encode(READY | changed), provider="mux")


def test_a_notice_is_what_was_signed() -> None:
    assert delivery(BODY, provider="mux") == Delivery(
        provider="mux",
        event_id="event-1",
        type="video.asset.ready",
        customer_id=VIDEO,
        livemode=True,
        api_version=None,
        created_at=datetime(2026, 11, 21, 20, 14, 58, 123456, UTC),
        body=BODY,
    )


@pytest.mark.parametrize("name", ["mux-signature", "Mux-Signature", "MUX-SIGNATURE"])
def test_either_secret_is_good_while_one_replaces_the_other(name: str) -> None:
    for secret in (OLD, NEW):
        check(f"{T},v1={mac(secret=secret)}", name=name)
    check(f"{T},v1={mac(secret='another')},v1={mac()}")
    check(f"{T}, v1={mac()}")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        T,
        f"v1={mac()}",
        f"{T},v1=",
        f"{T},v0={mac()}",
        f"{T},v1={mac(secret='another')}",
        f"{T},v1={mac()[:-1]}",
        f"{T},v1={mac().upper()}",
        f"{T},v1=é{mac()[1:]}",
        f"{T},{T},v1={mac()}",
        f"t=1,{T},v1={mac()}",
        f"t=-{NOW.timestamp():.0f},v1={mac()}",
        f"t={NOW.timestamp():.1f},v1={mac()}",
        f"t={NOW.timestamp() + 1:.0f},v1={mac()}",
        f"{T},v1={mac(BODY + b' ')}",
        f"{T}{',v1=' + '0' * 64}" * 20 + f",v1={mac()}",
    ],
)
def test_what_is_not_signed_so_is_refused(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        check(header)


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_it_is_good_for_five_minutes_either_way(seconds: int, good: bool) -> None:  # noqa: FBT001
    now = NOW + timedelta(seconds=seconds)
    if good:
        check(f"{T},v1={mac()}", now=now)
        return
    with pytest.raises(SignatureInvalid, match="too long ago"):
        check(f"{T},v1={mac()}", now=now)


def test_the_very_bytes_count() -> None:
    again = msgspec.json.format(BODY)

    with pytest.raises(SignatureInvalid):
        check(f"{T},v1={mac()}", body=again)
    check(f"{T},v1={mac(again)}", body=again)


@pytest.mark.parametrize("secrets", [[], [""], [NEW, " "]])
def test_an_empty_secret_is_none(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="webhook secret of Mux"):
        Signatures(secrets, tolerance=timedelta(minutes=5))


@pytest.mark.parametrize(
    ("data", "video"),
    [
        ({"passthrough": VIDEO}, VIDEO),
        ({"passthrough": VIDEO.upper()}, VIDEO),
        ({"new_asset_settings": {"passthrough": VIDEO}}, VIDEO),
        ({"passthrough": "somebody else's video"}, None),
        ({"passthrough": ""}, None),
        ({"passthrough": None, "new_asset_settings": None}, None),
        ({"passthrough": 7}, None),
        ({}, None),
        (None, None),
        ([VIDEO], None),
        ("text", None),
    ],
)
def test_only_what_is_called_as_we_call_it_is_ours(data: object, video: str | None) -> None:
    assert told(data=data).customer_id == video


def test_without_its_data_it_is_about_nobody() -> None:
    assert delivery(b'{"type":"x","id":"1","created_at":"2026-11-21T20:15:00Z"}', provider="mux").customer_id is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"{" * 100_000,
        msgspec.json.encode(READY | {"id": ""}),
        msgspec.json.encode(READY | {"id": "a\0b"}),
        msgspec.json.encode(READY | {"id": "x" * 256}),
        msgspec.json.encode(READY | {"type": None}),
        msgspec.json.encode(READY | {"created_at": "yesterday"}),
        msgspec.json.encode(READY | {"created_at": "2026-11-21T20:15:00"}),
        msgspec.json.encode(READY | {"created_at": "9999-12-31T23:59:59-23:59"}),
        msgspec.json.encode(READY | {"created_at": "0001-01-01T00:00:00+23:59"}),
    ],
)
def test_what_is_signed_and_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(EventMalformed):
        delivery(body, provider="mux")
