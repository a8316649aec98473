"""Playback for whoever is signed in, without Litestar: one read of the primary, one row, one answer."""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from litestar.types import HTTPScope

from application.errors import NotSignedIn
from application.playback import Playback
from application.ports.secrets import SignedIn
from application.signing_in import SigningIn
from entrypoints.http.authentication import bearer_token
from entrypoints.http.bodies import decode
from entrypoints.http.direct import Answered, DirectAnswer
from entrypoints.http.playback import PlaybackToStart
from entrypoints.http.problems import POSITION_HEADER, Malformed
from entrypoints.http.video_views import playback_view

PLAYBACK_PATH = "/v1/videos/{video_id}/playback"

CANONICAL: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""A UUID as we write it; Litestar takes others too."""

POSITION: Final = POSITION_HEADER.lower().encode()
JSON: Final = b"application/json"
NO_DEVICE: Final = PlaybackToStart()
REMEMBERED_MAX, REMEMBERED_BYTES_MAX = 4_096, 256

encode = msgspec.json.Encoder().encode


class Head(NamedTuple):
    """What the head of a request says that matters here."""

    authorization: bytes
    content_type: bytes


def start_playback(signing_in: SigningIn, playback: Playback) -> DirectAnswer:
    """As the handler of Litestar's does, which gets strangers, and whatever is not just so."""

    async def start(scope: HTTPScope, body: bytes, part: str) -> Answered | None:
        head = head_of(scope)
        if head is None or not CANONICAL.fullmatch(part):
            return None
        claimed, asked = claim_in(head, signing_in), body_in(head, body)
        if claimed is None or asked is None:
            return None
        video_id = UUID(part)
        scene = await playback.access.scene(claimed.account_id, video_id, sign_in_id=claimed.session_id)
        viewer = signing_in.confirmed(claimed, scene.sign_in)
        started = await playback.start(
            viewer.account_id,
            video_id,
            device_id=asked.device_id,
            sign_in_id=viewer.session_id,
            country=scope["state"].get("country"),
            scene=scene,
        )
        return Answered(encode(playback_view(video_id, started)), [(POSITION, b"%d" % started.position)])

    return start


def head_of(scope: HTTPScope) -> Head | None:
    """None where nobody signs in, or a header that counts comes twice."""
    authorization: bytes | None = None
    content_type: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization is not None:
                return None
            authorization = value
        elif name == b"content-type":
            if content_type is not None:
                return None
            content_type = value
    return Head(authorization, JSON if content_type is None else content_type) if authorization else None


def claim_in(head: Head, signing_in: SigningIn) -> SignedIn | None:
    """None where the token is none of ours, or over."""
    try:
        token = bearer_token(head.authorization.decode("latin-1"))
        return signing_in.claimed(token) if token else None
    except NotSignedIn:
        return None


def body_in(head: Head, body: bytes) -> PlaybackToStart | None:
    """None where it is not as documented."""
    if head.content_type != JSON:
        return None
    try:
        return remembered(body) if len(body) <= REMEMBERED_BYTES_MAX else decoded(body)
    except Malformed:
        return None


def decoded(body: bytes) -> PlaybackToStart:
    asked: PlaybackToStart = decode(body, PlaybackToStart) if body else NO_DEVICE
    return asked


remembered = lru_cache(REMEMBERED_MAX)(decoded)
"""Devices send the same again and again."""
