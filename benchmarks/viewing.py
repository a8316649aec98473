"""The viewers of a benchmark as they send: each signed in, one after the other, each to a film taken by chance."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import jwt

from adapters.crypto.access_tokens import JwtAccessTokens
from application.ports.secrets import SignedIn
from benchmarks.audience import Audience, account_id, sign_in_id, video_id

JWT_SECRET = "of-the-benchmarks-0123456789abcdef"  # noqa: S105 - it guards nothing
ISSUER = "https://api.benchmark.example"
LIFE = timedelta(hours=6)
"""As long as no run lasts: how long a token lives changes nothing of how it is checked."""
BODY = b'{"device_id":"living-room"}'


def our_tokens(audience: Audience) -> list[str]:
    """Access tokens as the product issues them."""
    now, tokens = datetime.now(UTC), JwtAccessTokens({"k1": JWT_SECRET.encode()}, ISSUER, LIFE)
    return [
        tokens.issue(
            SignedIn(account_id=account_id(n), session_id=sign_in_id(n), role="viewer", expires_at=now + LIFE), now=now
        )
        for n in range(audience.viewers)
    ]


def peer_tokens(audience: Audience) -> list[str]:
    """With the claims that simplejwt asks for, which are more than PyJWT's guide has."""
    now = int(time.time())
    common = {"iat": now, "exp": now + int(LIFE.total_seconds()), "token_type": "access"}
    return [
        jwt.encode(common | {"sub": str(account_id(n)), "jti": UUID(int=n).hex}, JWT_SECRET, algorithm="HS256")
        for n in range(audience.viewers)
    ]


class Plays:
    """Requests to play, with a token of each viewer in turn."""

    def __init__(self, prefix: str, tokens: Sequence[str], *, videos: int) -> None:
        self._lines = [f"POST {prefix}/videos/{video_id(n)}/playback HTTP/1.1\r\n".encode() for n in range(videos)]
        self._rests = [_rest(token) for token in tokens]
        self._chance = random.Random(1)  # noqa: S311 - an audience, not a secret
        self._turns = count()

    def next(self) -> bytes:
        line = self._lines[int(self._chance.random() * len(self._lines))]
        return line + self._rests[next(self._turns) % len(self._rests)]


def _rest(token: str) -> bytes:
    head = (
        f"host: 127.0.0.1\r\nuser-agent: benchmark\r\naccept: application/json\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY
