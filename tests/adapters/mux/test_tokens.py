"""Tokens: what is in them, how long they live, and whom they are shared with."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from adapters.memory.clock import MemoryClock
from adapters.mux import platform as module
from adapters.mux.client import MuxClient
from adapters.mux.platform import MuxHosts, MuxVideo
from adapters.mux.tokens import Tokens
from application.ports.video_platform import PlaybackGrant
from tests.adapters.mux.simulated import encoded, private_key
from tests.contracts.video_platform import NOW

pytestmark = pytest.mark.anyio

PRIVATE: Any = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(base64.b64decode(private_key()))
DAY = timedelta(days=1)


def mux(**given: Any) -> MuxVideo:
    return MuxVideo(
        MuxClient("id", "secret"),
        Tokens("key-1", private_key()),
        ["a secret"],
        clock=MemoryClock(NOW),
        **{"hosts": MuxHosts(), "cors_origin": "*", **given},
    )


@pytest.fixture
def platform() -> MuxVideo:
    return mux()


async def play(platform: MuxVideo, until: datetime, *, height: int | None = None, id: str = "pb1") -> PlaybackGrant:
    return await platform.grant_playback(id, video_id=uuid4(), session_id=uuid4(), until=until, max_height=height)


def claims(token: str, audience: str = "v") -> dict[str, Any]:
    public = PRIVATE.public_key()
    read: dict[str, Any] = jwt.decode(
        token, public, algorithms=["RS256"], audience=audience, options={"verify_exp": False}
    )
    return read


async def test_a_token_says_what_mux_wants_to_know(platform: MuxVideo) -> None:
    until = NOW + timedelta(minutes=30, seconds=7)

    grant = await play(platform, until, height=720)

    assert jwt.get_unverified_header(grant.token) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    assert claims(grant.token) == {
        "sub": "pb1",
        "aud": "v",
        "exp": int(until.timestamp()),
        "kid": "key-1",
        "max_resolution": "720p",
    }
    assert grant.url == f"https://stream.mux.com/pb1.m3u8?token={grant.token}"
    assert grant.expires_at == until


async def test_viewers_of_five_minutes_share_one_signature(platform: MuxVideo) -> None:
    begin = NOW.replace(minute=0, second=0) + timedelta(hours=4)

    grants = [await play(platform, begin + timedelta(seconds=seconds)) for seconds in (0, 1, 150, 299)]
    later = await play(platform, begin + timedelta(seconds=300))

    assert {grant.token for grant in grants} == {grants[0].token}
    assert grants[0].expires_at == begin
    assert later.token != grants[0].token
    assert later.expires_at == begin + timedelta(seconds=300)


@pytest.mark.parametrize("left_seconds", [0.5, 1, 59, 300, 3599, 3600, 3601, 86_400])
async def test_no_token_outlives_the_access(platform: MuxVideo, left_seconds: float) -> None:
    until = NOW + timedelta(seconds=left_seconds)

    grant = await play(platform, until)

    assert claims(grant.token)["exp"] == grant.expires_at.timestamp() <= until.timestamp()
    lost = timedelta(seconds=300) if left_seconds >= 3600 else timedelta(seconds=1)
    assert until - grant.expires_at < lost


async def test_who_has_little_time_left_shares_with_nobody(platform: MuxVideo) -> None:
    soon = NOW.replace(minute=0, second=0) + timedelta(minutes=65)

    assert (await play(platform, soon)).token != (await play(platform, soon + timedelta(seconds=1))).token


async def test_each_video_and_height_has_its_own(platform: MuxVideo) -> None:
    tokens = {
        (await play(platform, NOW + DAY, height=height, id=id)).token for id in "ab" for height in (None, 480, 720)
    }

    assert len(tokens) == 6


@pytest.mark.parametrize(
    ("height", "resolution"),
    [
        (None, None),
        (4320, None),
        (2160, None),
        (2159, "1440p"),
        (1080, "1080p"),
        (1079, "720p"),
        (719, "540p"),
        (480, "480p"),
        (270, "270p"),
        (144, "270p"),
    ],
)
async def test_a_height_becomes_what_mux_knows_below_it(
    platform: MuxVideo, height: int | None, resolution: str | None
) -> None:
    assert claims((await play(platform, NOW + DAY, height=height)).token).get("max_resolution") == resolution


async def test_a_restriction_is_in_each_token_for_a_video() -> None:
    platform = mux(restriction_id="restriction-1")

    assert claims((await play(platform, NOW + DAY)).token)["playback_restriction_id"] == "restriction-1"
    token = parse_qs(urlsplit(platform.thumbnail_url(uuid4(), "pb1", now=NOW)).query)["token"][0]
    assert "playback_restriction_id" not in claims(token, "t")


async def test_a_picture_keeps_its_address_for_hours_and_then_gets_another(platform: MuxVideo) -> None:
    video_id, dawn = uuid4(), datetime(2026, 11, 21, 18, tzinfo=UTC)
    hours = [0, 1, 5.99, 6, 11]

    urls = [platform.thumbnail_url(video_id, "pb1", now=dawn + timedelta(hours=hour)) for hour in hours]

    assert [urls.index(url) for url in urls] == [0, 0, 0, 3, 3]
    parts = urlsplit(urls[0])
    assert (parts.netloc, parts.path, [*parse_qs(parts.query)]) == ("image.mux.com", "/pb1/thumbnail.jpg", ["token"])
    told = claims(parse_qs(parts.query)["token"][0], "t")
    assert (told["sub"], told["exp"], told["width"]) == ("pb1", (dawn + timedelta(hours=12)).timestamp(), "640")


async def test_tokens_are_not_kept_without_end(platform: MuxVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_MAX", 3)
    first = await play(platform, NOW + DAY, id="first")
    for number in range(4):
        await play(platform, NOW + DAY, id=str(number))

    assert len(platform._grants) == 3
    assert await play(platform, NOW + DAY, id="first") is not first


async def test_an_id_cannot_lead_elsewhere(platform: MuxVideo) -> None:
    grant = await play(platform, NOW + DAY, id="../x?y#z")

    assert urlsplit(grant.url).path == "/..%2Fx%3Fy%23z.m3u8"


def spoiled() -> list[str]:
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = PRIVATE.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    short = encoded(rsa.generate_private_key(public_exponent=65_537, key_size=1_024))  # noqa: S505 - to be refused
    pems = [base64.b64encode(pem).decode() for pem in (elliptic, public, b"no key")]
    return ["", "%%%", base64.b64decode(private_key()).decode(), short, *pems]


def test_a_key_that_cannot_sign_is_refused_without_being_shown() -> None:
    for key in spoiled():
        with pytest.raises(ValueError, match=r"Mux's signing key") as refused:
            Tokens("key-1", key)
        assert len(key) < 8 or key[:60] not in str(refused.value)
    with pytest.raises(ValueError, match="id of Mux's signing key"):
        Tokens(" ", private_key())
