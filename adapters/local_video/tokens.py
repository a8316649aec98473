"""Signed leave to send one upload, in one go or in pieces, to play one video in one session, or to see its poster.

A token is `{kid}.{base64url of body and MAC}`. It goes first in the path, so that every relative address in a playlist
carries it along; the video's id stands beside it, and the MAC (HMAC-SHA256, of which 16 bytes go along) covers both.
"""

import hmac
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_DOMAIN = b"streamly local video token 1\0"
_MAC_BYTES = 16
_SECRET_BYTES = 16
_LONGEST = 200
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}")

# The first byte says what a token is for; then comes the microsecond at which it ends.
_UPLOAD = struct.Struct(">cQ")
_PIECES = struct.Struct(">cQQ")
_PICTURE = struct.Struct(">cQ8s")
_PLAY = struct.Struct(">cQ8s16sH")
_PREVIEW = struct.Struct(">cQ8sI")
_ANY_HEIGHT = 0xFFFF


class TokenRefused(Exception):
    """Not ours, changed, for another video or purpose, or over; the message says which, for the log only."""


class MediaPass(msgspec.Struct, frozen=True):
    """What a media token gives leave for; without a session and seconds it is for pictures alone."""

    playback_id: str
    """Sixteen hexadecimal digits."""
    expires_at: datetime
    session_id: UUID | None = None
    max_height: int | None = None
    seconds: int | None = None
    """Of a preview: how much of the beginning, for whoever has the address."""


class UploadPass(msgspec.Struct, frozen=True):
    """What the token of an upload in pieces gives leave for: that many bytes in all."""

    size_bytes: int
    expires_at: datetime


class Tokens:
    """Signs with the first key and verifies with all, so that keys can be replaced one after the other.

    Raises:
        ValueError: no key, a name that does not fit into an address, or a secret under 16 bytes.
    """

    def __init__(self, signing_keys: Mapping[str, bytes]) -> None:
        if not signing_keys:
            raise ValueError("a local video platform needs a signing key")
        for kid, secret in signing_keys.items():
            if not _KID.fullmatch(kid) or len(secret) < _SECRET_BYTES:
                raise ValueError(f"the signing key {kid!r} needs a plain name and a secret of {_SECRET_BYTES} bytes")
        self._keys = dict(signing_keys)
        self._current = next(iter(self._keys))

    def for_upload(self, video_id: UUID, expires_at: datetime) -> str:
        return self._seal(video_id, _UPLOAD.pack(b"u", microseconds(expires_at)))

    def for_pieces(self, video_id: UUID, leave: UploadPass) -> str:
        return self._seal(video_id, _PIECES.pack(b"r", microseconds(leave.expires_at), leave.size_bytes))

    def for_media(self, video_id: UUID, leave: MediaPass) -> str:
        playback, ends = bytes.fromhex(leave.playback_id), microseconds(leave.expires_at)
        if leave.seconds is not None:
            return self._seal(video_id, _PREVIEW.pack(b"w", ends, playback, leave.seconds))
        if leave.session_id is None:
            return self._seal(video_id, _PICTURE.pack(b"p", ends, playback))
        height = _ANY_HEIGHT if leave.max_height is None else min(leave.max_height, _ANY_HEIGHT)
        return self._seal(video_id, _PLAY.pack(b"v", ends, playback, leave.session_id.bytes, height))

    def check_upload(self, token: str, video_id: UUID, *, now: datetime) -> None:
        self._open(token, video_id, b"u", now)

    def read_pieces(self, token: str, video_id: UUID, *, now: datetime) -> UploadPass:
        _, ends, size_bytes = _PIECES.unpack(self._open(token, video_id, b"r", now))
        return UploadPass(size_bytes, _moment(ends))

    def read_media(self, token: str, video_id: UUID, *, now: datetime) -> MediaPass:
        body = self._open(token, video_id, b"pvw", now)
        if body[:1] == b"w":
            _, ends, playback, seconds = _PREVIEW.unpack(body)
            return MediaPass(playback.hex(), _moment(ends), seconds=seconds)
        if body[:1] == b"p":
            _, ends, playback = _PICTURE.unpack(body)
            return MediaPass(playback.hex(), _moment(ends))
        _, ends, playback, session, height = _PLAY.unpack(body)
        return MediaPass(playback.hex(), _moment(ends), UUID(bytes=session), None if height == _ANY_HEIGHT else height)

    def _seal(self, video_id: UUID, body: bytes) -> str:
        mac = _mac(self._keys[self._current], video_id, body)
        return f"{self._current}.{_encode(body + mac)}"

    def _open(self, token: str, video_id: UUID, purposes: bytes, now: datetime) -> bytes:
        """The body, once the MAC is seen to be ours; nothing in it is looked at before."""
        kid, _, sealed = token.partition(".")
        secret, raw = self._keys.get(kid), _decode(sealed)
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if secret is None or not hmac.compare_digest(mac, _mac(secret, video_id, body)):
            raise TokenRefused("the token is not ours, or not for this video")
        if body[:1] not in purposes:
            raise TokenRefused("the token is for something else")
        if microseconds(now) >= _UPLOAD.unpack_from(body)[1]:
            raise TokenRefused("the token is over")
        return body


def _mac(secret: bytes, video_id: UUID, body: bytes) -> bytes:
    return hmac.digest(secret, _DOMAIN + video_id.bytes + body, sha256)[:_MAC_BYTES]


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Strictly: Python's own decoder skips what it does not know, so that many texts would be one token."""
    if len(text) > _LONGEST:
        raise TokenRefused("the token is too long")
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as odd:
        raise TokenRefused("the token is not base64url") from odd
    if _encode(raw) != text:
        raise TokenRefused("the token is not base64url")
    return raw


def microseconds(moment: datetime) -> int:
    """Since 1970, as tokens and file names have them."""
    return (moment - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
