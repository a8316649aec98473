"""Playback is answered alike with Litestar and before it: the same requests, good and odd, are put to both."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
import pytest
from litestar import Litestar
from msgspec.structs import replace

from adapters.memory.idempotency import MemoryKeptAnswers
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.tracing.unrecorded import UnrecordedSpans
from application.countries import EVERYWHERE, Countries
from application.ports.ledger import Write
from domain.shared.fact import Fact
from domain.video.facts import UploadReceived, VideoCreated, VideoMadeReady, VideoPublished
from entrypoints.http.assembly import assemble
from entrypoints.http.direct import DirectRoutes
from entrypoints.http.direct_playback import PLAYBACK_PATH, start_playback
from entrypoints.http.metrics import Observed
from entrypoints.http.middleware import Ahead
from entrypoints.http.playback import PlaybackController
from tests.http.running import Person, Service
from tests.http.test_direct_routes import SHOP, Answered, Asked, put

pytestmark = pytest.mark.anyio

VARYING = re.compile(
    r'"session_id":"[^"]+"|"url":"[^"]+"|"token":"[^"]+"|"expires_at":"[^"]+"|"started_at":"[^"]+"|"last_seen_at":"[^"]+"'
)
JSON = b"application/json"
DEEP = b'{"device_id":' + b"[" * 20_000 + b"]" * 20_000 + b"}"


class Case(NamedTuple):
    """Who asks for what, how, and the status that it gets."""

    status: int
    who: str = "subscriber"
    film: str = "lesson"
    body: bytes = b'{"device_id":"kitchen"}'
    content_type: bytes | None = JSON
    direct: bool = True
    """Whether it is answered before Litestar."""
    authorization: Sequence[str] = ("Bearer {token}",)
    headers: Sequence[tuple[bytes, bytes]] = ()
    method: str = "POST"
    path: str = "/v1/videos/{id}/playback"
    in_pieces: bool = False
    has_length: bool = True
    more: Mapping[str, Any] = {}
    country: str | None = None
    """By the word of a proxy; then it is not shown in France."""


CASES = {
    "plain": Case(200),
    "without a device": Case(200, body=b"{}"),
    "no device": Case(200, body=b'{"device_id":null}'),
    "without a body": Case(200, body=b"", content_type=None),
    "an empty body of JSON": Case(200, body=b""),
    "without a media type": Case(200, content_type=None),
    "with a character set": Case(200, content_type=b"application/json; charset=utf-8", direct=False),
    "in pieces": Case(200, in_pieces=True),
    "of no length": Case(200, has_length=False, direct=False),
    "with a query": Case(200, more={"query_string": b"a=1"}),
    "with a position": Case(200, headers=[(b"ledger-position", b"nonsense")]),
    "with a key": Case(200, headers=[(b"idempotency-key", b"one")]),
    "from a page that is let in": Case(200, headers=[(b"origin", SHOP.encode())], direct=False),
    "encrypted": Case(200, more={"scheme": "https"}),
    "by the scheme in small letters": Case(200, authorization=["bearer {token}"]),
    "free, signed in": Case(200, film="trailer"),
    "free, a stranger": Case(200, film="trailer", authorization=[], direct=False),
    "an id in capitals": Case(200, path="/v1/videos/{ID}/playback", direct=False),
    "a stranger": Case(401, authorization=[], direct=False),
    "another scheme": Case(401, authorization=["Basic {token}"], direct=False),
    "no token": Case(401, authorization=["Bearer "], direct=False),
    "no token of ours": Case(401, authorization=["Bearer nonsense"], direct=False),
    "a token that was changed": Case(401, authorization=["Bearer {token}x"], direct=False),
    "a token without end": Case(401, authorization=["Bearer " + "x" * 5_000], direct=False),
    "two tokens": Case(200, authorization=["Bearer {token}", "Bearer nonsense"], direct=False),
    "two tokens, the other way": Case(401, authorization=["Bearer nonsense", "Bearer {token}"], direct=False),
    "an expired token": Case(401, who="yesterday", direct=False),
    "signed out": Case(401, who="gone"),
    "signed out, of another's session": Case(401, who="mixed"),
    "disabled": Case(401, who="disabled"),
    "signed out, of nothing": Case(401, who="gone", film="nothing"),
    "signed out, with a bad body": Case(401, who="gone", body=b"{", direct=False),
    "no plan": Case(402, who="poor"),
    "a plan without the feature": Case(402, who="half"),
    "blocked": Case(403, who="blocked"),
    "blocked, and it is free": Case(403, who="blocked", film="trailer"),
    "nothing": Case(404, film="nothing"),
    "no id": Case(404, path="/v1/videos/onions/playback", direct=False),
    "half an id": Case(404, path="/v1/videos/0000-1/playback", direct=False),
    "no id at all": Case(404, path="/v1/videos//playback", direct=False),
    "an id with a slash": Case(404, path="/v1/videos/{id}/{id}/playback", direct=False),
    "a slash behind": Case(200, path="/v1/videos/{id}/playback/", direct=False),
    "not published": Case(409, film="unfinished"),
    "no JSON": Case(400, body=b"{", direct=False),
    "no text": Case(400, body=b"\xff\xfe", direct=False),
    "a list": Case(400, body=b"[]", direct=False),
    "another field": Case(400, body=b'{"device":"kitchen"}', direct=False),
    "a number": Case(400, body=b'{"device_id":7}', direct=False),
    "no letter": Case(400, body=b'{"device_id":""}', direct=False),
    "too many letters": Case(400, body=b'{"device_id":"%b"}' % (b"x" * 201), direct=False),
    "no letter there is": Case(400, body=b'{"device_id":"\\u0000"}', direct=False),
    "a name twice": Case(400, body=b'{"device_id":"a","device_id":"b"}', direct=False),
    "deep": Case(400, body=DEEP, direct=False),
    "too long": Case(413, body=b" " * 1_000_001, direct=False),
    "too long, a stranger": Case(413, body=b" " * 1_000_001, authorization=[], direct=False),
    "another media type": Case(415, content_type=b"text/plain", direct=False),
    "another media type, and no body": Case(415, content_type=b"text/plain", body=b"", direct=False),
    "an empty media type": Case(415, content_type=b"", direct=False),
    "two media types, one of them empty": Case(415, content_type=b"", headers=[(b"content-type", JSON)], direct=False),
    "two media types": Case(200, headers=[(b"content-type", b"text/plain")], direct=False),
    "from where it is not shown": Case(403, country="FR"),
    "from where it is shown": Case(200, country="CH"),
    "GET": Case(405, method="GET", direct=False),
    "PUT": Case(405, method="PUT", direct=False),
    "OPTIONS": Case(204, method="OPTIONS", direct=False),
}


class Stage(NamedTuple):
    """The tokens of who asks, and the ids of what there is to be watched."""

    tokens: Mapping[str, str]
    films: Mapping[str, UUID]


async def recorded(service: Service, *facts: Fact, stream: UUID) -> UUID:
    await service.house.records.ledger.append(Write(stream, 0, [replace(fact, fact_id=uuid4()) for fact in facts]))
    return stream


async def film(service: Service, *, free: bool = False, published: bool = True) -> UUID:
    video_id = uuid4()
    created = VideoCreated(
        video_id=video_id,
        title="Onions",
        description="",
        category="",
        access="free" if free else "subscribers",
        requires=None if free else "hd",
        platform="local",
    )
    made = (
        UploadReceived(video_id=video_id, size_bytes=1, sha256=""),
        VideoMadeReady(video_id=video_id, playback_id="0123456789abcdef", duration_seconds=60.0, renditions=()),
        VideoPublished(video_id=video_id),
    )
    return await recorded(service, created, *(made if published else ()), stream=video_id)


def token_of(person: Person) -> str:
    return str(person.http.headers["authorization"]).removeprefix("Bearer ")


async def granted(admin: Person, person: Person, *features: str) -> None:
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    body = {"until": until, "reason": "a present", "features": list(features)}
    answer = await admin.http.post(f"/v1/admin/accounts/{person.account_id}/grants", json=body)
    assert answer.status_code == 201, answer.text


@pytest.fixture(scope="module")
async def stage(service: Service, admin: Person) -> Stage:
    names = ("subscriber", "half", "poor", "gone", "blocked", "disabled")
    people = {name: await service.sign_up() for name in names}
    tokens = {name: token_of(person) for name, person in people.items()}
    await granted(admin, people["subscriber"], "hd")
    await granted(admin, people["half"], "sd")
    account = f"/v1/admin/accounts/{people['blocked'].account_id}"
    assert (await admin.http.post(f"{account}/blocks", json={"reason": "abuse"})).is_success
    account = f"/v1/admin/accounts/{people['disabled'].account_id}"
    assert (await admin.http.post(f"{account}/disable", json={"reason": "abuse"})).is_success
    await service.house.signing_in.sign_out(people["gone"].refresh_token)
    signing_in, now = service.house.signing_in, datetime.now(UTC)
    subscriber, poor = signing_in.claimed(tokens["subscriber"]), signing_in.claimed(tokens["poor"])
    tokens["mixed"] = signing_in.access_tokens.issue(replace(poor, account_id=subscriber.account_id), now=now)
    tokens["yesterday"] = signing_in.access_tokens.issue(subscriber, now=now - timedelta(days=1))
    films = {
        "lesson": await film(service),
        "trailer": await film(service, free=True),
        "unfinished": await film(service, published=False),
        "nothing": uuid4(),
    }
    return Stage(tokens, films)


def application(service: Service, *, direct: bool, case: Case = CASES["plain"]) -> Litestar:
    house = service.house
    countries = Countries(refused=frozenset({"FR"})) if case.country else EVERYWHERE
    playback = dataclasses.replace(house.playback, countries=countries)
    return assemble(
        versioned=[PlaybackController],
        provided={"playback": playback},
        who_is=house.signing_in.who_is,
        wait_for=house.reading.wait,
        throttling=house.throttling,
        kept_answers=MemoryKeptAnswers(),
        observed=Observed(PrometheusMetrics().requests, UnrecordedSpans()),
        cors_origins=[SHOP],
        ahead=Ahead({("POST", PLAYBACK_PATH): start_playback(house.signing_in, playback)} if direct else {}),
    )


def asked(case: Case, stage: Stage) -> Asked:
    id, token = str(stage.films[case.film]), stage.tokens[case.who]
    path = case.path.replace("{id}", id).replace("{ID}", id.upper())
    headers = [(b"authorization", given.replace("{token}", token).encode()) for given in case.authorization]
    if case.content_type is not None:
        headers.append((b"content-type", case.content_type))
    if case.has_length:
        headers.append((b"content-length", b"%d" % len(case.body)))
    bodies = [case.body[:5], b"", case.body[5:]] if case.in_pieces else [case.body]
    more = {**case.more, "state": {"country": case.country}}
    return Asked(case.status, bodies, [*headers, *case.headers], case.method, path, more)


def settled(answered: Answered) -> tuple[object, ...]:
    """What is each answer's own, put aside: a play is another one each time, and so is a try that is counted."""
    head, *bodies = answered.messages
    body = b"".join(message.get("body", b"") for message in bodies).decode()
    headers = [(name, b"" if name.startswith(b"ratelimit-") else value) for name, value in head["headers"]]
    return head["status"], headers, VARYING.sub("", body), answered.logged


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
async def test_both_ways_give_one_answer(
    service: Service, stage: Stage, case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    usual = await put(application(service, direct=False, case=case), asked(case, stage), b"", caplog)
    direct = await put(application(service, direct=True, case=case), asked(case, stage), b"", caplog)

    assert usual.messages[0]["status"] == case.status
    assert settled(direct) == settled(usual)
    assert [line[0] for line in direct.logged].count("streamly.access") == 1


class Reached(Exception):
    """It came as far as Litestar."""


async def _litestar(*_: object) -> None:
    raise Reached


async def test_what_is_plain_does_not_come_as_far_as_litestar(
    service: Service, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    table = {("POST", PLAYBACK_PATH): start_playback(service.house.signing_in, service.house.playback)}
    direct = dict[str, bool]()
    for name, case in CASES.items():
        try:
            await put(DirectRoutes(_litestar, table), asked(case, stage), b"", caplog)  # type: ignore[arg-type]
            direct[name] = True
        except Reached:
            direct[name] = False

    assert direct == {name: case.direct for name, case in CASES.items()}


async def test_a_play_that_was_begun_directly_is_like_any_other(
    service: Service, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    answered = await put(application(service, direct=True), asked(CASES["plain"], stage), b"", caplog)
    session_id = UUID(msgspec.json.decode(answered.messages[1]["body"])["session_id"])
    viewer = service.house.signing_in.claimed(stage.tokens["subscriber"])
    playing = await service.house.playback.sessions.live(session_id, now=service.house.business_time.now())

    assert playing is not None
    assert (playing.account_id, playing.video_id) == (viewer.account_id, stage.films["lesson"])
    assert playing.sign_in_epoch == 0
