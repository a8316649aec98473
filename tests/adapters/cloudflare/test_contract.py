"""Cloudflare Stream keeps what every remote video platform promises."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import jwt
import msgspec
import pytest
from litestar import Request, post

from adapters.cloudflare.client import Cloudflare
from adapters.cloudflare.objects import StreamVideo, truth_of
from adapters.cloudflare.platform import FORM_BYTES_MAX, UPLOAD_BYTES_MAX, CloudflareStream
from adapters.cloudflare.tokens import Tokens
from adapters.cloudflare.webhooks import Signatures, delivery
from adapters.memory.clock import MemoryClock
from adapters.sandbox.cloudflare.account import ACCOUNT_ID, API_TOKEN, SIGNING_KEY_ID
from adapters.sandbox.cloudflare.simulator import cloudflare_simulator
from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.simulator import Simulator
from application.errors import ProviderUnavailable
from application.ports.deliveries import Delivery, EventMalformed, SignatureInvalid
from application.ports.video_platform import PlaybackGrant, Reference, UploadGrant, UploadTooLarge
from tests.adapters.mux.films import NO_FILM, film
from tests.adapters.mux.simulated import private_key
from tests.adapters.stripe.simulated import address, bound, serving
from tests.contracts.video_platform import NOW, RemoteCase, RemotePlatformContract

VIDEO = "8c1e3f0a-58a5-4a8e-9d0b-0f6a5f3c2b10"
SECRET = "a secret of Cloudflare's webhook"
PATIENCE_SECONDS = 10.0


class Simulated(NamedTuple):
    base: str
    heard: list[tuple[bytes, Mapping[str, str]]]


class CloudflareCase(RemoteCase):
    playback_id = "0123456789abcdef0123456789abcdef"

    def __init__(self, simulated: Simulated) -> None:
        base, self.heard = simulated.base, simulated.heard
        self.http = httpx.Client(base_url=base, timeout=20)
        self.http.put("/_sandbox/videos", json={"finish": "when_told"}).raise_for_status()
        client = Cloudflare(ACCOUNT_ID, API_TOKEN, api_base=base, through_proxy=False)
        tokens = Tokens(SIGNING_KEY_ID, private_key())
        delivery_base = f"{base}/delivery"
        ours = CloudflareStream(client, tokens, [SECRET], clock=MemoryClock(NOW), delivery_base=delivery_base)
        self.platform, self._closing = ours, ours.close

    async def close(self) -> None:
        self.http.close()
        await self._closing()

    async def send(self, grant: UploadGrant, *, good: bool = True) -> None:
        self.http.post(grant.url, files={"file": film() if good else NO_FILM}).raise_for_status()

    async def finish(self, upload: Reference) -> None:
        self.http.post(f"/_sandbox/videos/{upload.upload_id}/finish").raise_for_status()

    async def lose(self, video: Reference) -> None:
        path = f"/accounts/{ACCOUNT_ID}/stream/{video.upload_id}"
        self.http.delete(path, headers={"Authorization": f"Bearer {API_TOKEN}"}).raise_for_status()

    async def notices(self) -> Sequence[tuple[bytes, Mapping[str, str]]]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.http.get("/_sandbox/pending").json()["pending"]:
            assert time.monotonic() < deadline, "The webhooks were not delivered in time."
            await asyncio.sleep(0.01)
        return self.heard

    async def plays(self, grant: PlaybackGrant) -> bool:
        answer = self.http.get(grant.url)
        return answer.status_code == 200 and answer.text.startswith("#EXTM3U")

    def stolen(self, grant: PlaybackGrant, playback_id: str) -> str:
        """The token is the address: to play another video it would have to be signed for that."""
        claims = jwt.decode(grant.token, options={"verify_signature": False})
        forged = jwt.encode({**claims, "sub": playback_id}, "x" * 32, headers={"kid": SIGNING_KEY_ID})
        return grant.url.replace(grant.token, forged)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    heard: list[tuple[bytes, Mapping[str, str]]] = []

    @post("/")
    async def hear(request: Request[Any, Any, Any]) -> None:
        heard.append((await request.body(), dict(request.headers.items())))

    listening = Simulator(path="/heard", route_handlers=[hear], lifespan=lambda _: nullcontext())
    with bound() as free:
        simulator = cloudflare_simulator(
            store_path=tmp_path_factory.mktemp("cloudflare") / "books.sqlite",
            public_url=address(free),
            webhook_url=f"{address(free)}/heard",
            webhook_secret=SECRET,
            signing_private_key=private_key(),
            clock=lambda: NOW,
        )
        with serving(create_sandbox_app([simulator, listening]), free) as url:
            yield Simulated(f"{url}/cloudflare", heard)


class TestCloudflareStream(RemotePlatformContract):
    @pytest.fixture
    async def remote(self, simulated: Simulated) -> AsyncIterator[RemoteCase]:
        simulated.heard.clear()
        case = CloudflareCase(simulated)
        yield case
        await case.close()

    async def test_a_large_file_is_sent_in_pieces(self, simulated: Simulated, remote: RemoteCase) -> None:
        video_id, body = uuid4(), film() + bytes(1_000)
        grant = await remote.platform.grant_upload(video_id, size_bytes=FORM_BYTES_MAX + 1, now=NOW)
        assert (grant.protocol, grant.method, grant.headers) == ("tus", "PATCH", {"Tus-Resumable": "1.0.0"})
        video, pieces = Reference(video_id, grant.upload_id), (body[:500], body[500:])

        async with httpx.AsyncClient(timeout=20) as client:
            for offset, piece in zip((0, 500), pieces, strict=True):
                assert (await remote.platform.look(video)).stage == "waiting"
                headers = {**grant.headers, "Upload-Offset": str(offset)}
                assert (await client.patch(grant.url, headers=headers, content=piece)).status_code == 204
            told = await client.head(grant.url, headers=grant.headers)

        assert told.headers["upload-offset"] == str(len(body))
        assert int(told.headers["upload-length"]) == FORM_BYTES_MAX + 1

    async def test_no_picture_is_shown_whose_address_would_play_the_video(self, remote: RemoteCase) -> None:
        assert remote.platform.thumbnail_url(uuid4(), remote.playback_id, now=NOW) == ""

    async def test_a_file_without_end_gets_no_address(self, remote: RemoteCase) -> None:
        with pytest.raises(UploadTooLarge):
            await remote.platform.grant_upload(uuid4(), size_bytes=UPLOAD_BYTES_MAX + 1, now=NOW)

    async def test_no_token_lives_longer_than_a_day(self, remote: RemoteCase) -> None:
        grant = await remote.platform.grant_playback(
            remote.playback_id, video_id=uuid4(), session_id=uuid4(), until=NOW + timedelta(days=30), max_height=None
        )

        assert NOW + timedelta(hours=23) < grant.expires_at <= NOW + timedelta(hours=24)

    async def test_viewers_of_five_minutes_share_one_token(self, remote: RemoteCase) -> None:
        tokens = [
            (
                await remote.platform.grant_playback(
                    "pb", video_id=uuid4(), session_id=uuid4(), until=NOW + timedelta(seconds=length), max_height=None
                )
            ).token
            for length in (14_400, 14_699, 14_700, 60, 61)
        ]

        assert [tokens.index(token) for token in tokens] == [0, 0, 2, 3, 4]

    async def test_a_token_that_is_refused_may_be_mended(self, simulated: Simulated) -> None:
        client = Cloudflare(ACCOUNT_ID, "another", api_base=simulated.base, through_proxy=False)

        with pytest.raises(ProviderUnavailable, match="does not accept our token"):
            await client.video("any")
        await client.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ({"state": "pendingupload"}, "waiting"),
        ({"state": "downloading"}, "processing"),
        ({"state": "queued"}, "processing"),
        ({"state": "ready", "pctComplete": "39.000000"}, "processing"),
        ({"state": "ready", "pctComplete": "100.000000"}, "ready"),
        ({"state": "ready"}, "ready"),
        ({"state": "error", "errReasonCode": "ERR_DURATION_TOO_SHORT"}, "errored duration_too_short"),
        ({"state": "error", "errorReasonCode": "ERR_NON_VIDEO"}, "errored not_a_video"),
        ({"state": "error", "errorReasonCode": "what is this"}, "errored platform_error"),
        ({"state": "live-inprogress"}, "processing"),
        ({}, "processing"),
    ],
)
def test_each_state_is_a_stage(status: dict[str, str], kind: str) -> None:
    truth = truth_of(msgspec.convert({"uid": "uid-1", "status": status, "duration": -1}, StreamVideo))

    assert f"{truth.stage} {truth.reason}".strip() == kind


def notice(**changed: object) -> Delivery:
    said = {"uid": "uid-1", "creator": VIDEO, "status": {"state": "ready"}, "modified": "2026-11-21T20:15:00Z"}
    return delivery(msgspec.json.encode(said | changed), provider="cloudflare", now=NOW)


def test_the_same_notice_has_the_same_id_and_another_one_another() -> None:
    first = notice()

    assert (first.event_id, first.type, first.customer_id) == (notice().event_id, "stream.ready", VIDEO)
    others = [notice(uid="uid-2"), notice(status={"state": "error"}), notice(modified="2026-11-21T20:16:00Z")]
    assert len({first.event_id, *(one.event_id for one in others)}) == 4


@pytest.mark.parametrize("creator", [None, "", "somebody else", "7"])
def test_a_video_of_others_is_nobodys(creator: str | None) -> None:
    assert notice(creator=creator).customer_id is None


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff", b"{" * 100_000, b'{"uid": 7}'])
def test_what_is_signed_and_no_notice_is_refused(body: bytes) -> None:
    with pytest.raises(EventMalformed):
        delivery(body, provider="cloudflare", now=NOW)


TIME = f"time={NOW.timestamp():.0f}"
GOOD = hmac.new(SECRET.encode(), f"{NOW.timestamp():.0f}.body".encode(), "sha256").hexdigest()


@pytest.mark.parametrize(
    "header",
    ["", TIME, f"sig1={GOOD}", f"{TIME},sig1=", f"{TIME},{TIME},sig1={GOOD}", f"time=x,{TIME},sig1={GOOD}",
     f"{TIME},sig1={GOOD[:-1]}", f"{TIME},sig1={'0' * 64}", f"{TIME},v1={GOOD}", f"{TIME}," + "sig1=é," * 200 + GOOD],
)  # fmt: skip
def test_what_is_not_signed_so_is_refused(header: str) -> None:
    both = Signatures(["the old one", SECRET], tolerance=timedelta(minutes=5))
    both.check(b"body", {"Webhook-Signature": f"{TIME},sig1={GOOD}"}, now=NOW)

    with pytest.raises(SignatureInvalid):
        both.check(b"body", {"webhook-signature": header}, now=NOW)


def test_what_is_empty_is_no_secret() -> None:
    for secrets in ([], ["good", " "]):
        with pytest.raises(ValueError, match="webhook secret of Cloudflare"):
            Signatures(secrets, tolerance=timedelta(minutes=5))
    with pytest.raises(ValueError, match="its token is empty"):
        Cloudflare(" ", "token", through_proxy=False)
    for key_id, key in ((" ", private_key()), ("id", ""), ("id", "bm8ga2V5")):
        with pytest.raises(ValueError, match="Cloudflare's signing key"):
            Tokens(key_id, key)
