"""The catalogue is made once a second, and is given to all who ask for the same page; nobody gets another's answer."""

from collections.abc import Sequence
from typing import Any

import pytest

from entrypoints.http import shared_pages
from entrypoints.http.shared_pages import SHARED_PAGE_BYTES_MAX, SHARED_PAGES_MAX, SHARED_SECONDS, SharedPages
from tests.http.problem import problem_in
from tests.http.running import Person, Service

pytestmark = pytest.mark.anyio

LIST = "/v1/list"
JSON = [(b"content-type", b"application/json")]


class Moment:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Counting:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked, self.status, self.pieces, self.length = 0, 200, 1, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": self.status, "headers": JSON})
        for piece in range(self.pieces, 0, -1):
            body = b"%d" % self.asked + b" " * self.length
            await send({"type": "http.response.body", "body": body, "more_body": piece > 1})


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    moment = Moment()
    monkeypatch.setattr(shared_pages, "monotonic", moment)
    return moment


async def ask(
    app: SharedPages, query: bytes = b"", *, headers: Sequence[tuple[bytes, bytes]] = (), **more: object
) -> tuple[int, bytes]:
    """The status and the body of an answer."""
    sent = list[Any]()

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nobody reads a body here")

    scope: Any = {"type": "http", "method": "GET", "path": LIST, "query_string": query, "root_path": ""}
    scope |= {"headers": [(b"host", b"streamly.test"), *headers], **more}
    await app(scope, receive, send)
    assert sent[0]["headers"] == JSON
    return sent[0]["status"], b"".join(message["body"] for message in sent[1:])


async def test_a_page_is_made_once_a_second(moment: Moment) -> None:
    counting = Counting()
    app = SharedPages(counting, [LIST])

    first = [await ask(app) for _ in range(3)]
    moment.seconds += SHARED_SECONDS
    second = [await ask(app) for _ in range(3)]

    assert first == [(200, b"1")] * 3
    assert second == [(200, b"2")] * 3


@pytest.mark.parametrize(
    "other",
    [
        {"query": b"limit=5"},
        {"path": "/v1/other"},
        {"method": "HEAD"},
        {"method": "POST"},
        {"root_path": "/below"},
        {"headers": [(b"origin", b"https://shop.test")]},
        {"headers": [(b"ledger-position", b"7")]},
        {"headers": [(b"content-length", b"5")]},
        {"headers": [(b"transfer-encoding", b"chunked")]},
    ],
    ids=str,
)
async def test_who_asks_for_something_else_gets_an_answer_of_their_own(moment: Moment, other: dict[str, Any]) -> None:
    app = SharedPages(Counting(), [LIST])
    await ask(app)

    assert (await ask(app, **other), await ask(app)) == ((200, b"2"), (200, b"1"))


async def test_who_is_signed_in_sees_the_same_list(moment: Moment) -> None:
    app = SharedPages(Counting(), [LIST])
    await ask(app)

    assert await ask(app, headers=[(b"authorization", b"Bearer of-somebody")]) == (200, b"1")


async def test_only_a_200_in_one_piece_is_given_again(moment: Moment) -> None:
    counting = Counting()
    app = SharedPages(counting, [LIST])

    counting.status = 503
    assert [await ask(app), await ask(app)] == [(503, b"1"), (503, b"2")]
    counting.status, counting.pieces = 200, 2
    assert [await ask(app), await ask(app)] == [(200, b"33"), (200, b"44")]
    counting.pieces, counting.length = 1, SHARED_PAGE_BYTES_MAX
    await ask(app)
    await ask(app)
    assert counting.asked == 6


async def test_the_oldest_page_makes_room(moment: Moment) -> None:
    counting = Counting()
    app = SharedPages(counting, [LIST])
    queries = [b"cursor=%d" % page for page in range(SHARED_PAGES_MAX + 1)]

    for query in queries:
        await ask(app, query)
    for query in queries[1:]:
        await ask(app, query)
    assert counting.asked == len(queries)
    await ask(app, queries[0])
    assert counting.asked == len(queries) + 1


async def test_the_catalogue_is_shared_and_whoever_names_a_position_sees_it(
    service: Service, admin: Person, film: bytes, moment: Moment
) -> None:
    async def listed(**headers: str) -> list[str]:
        answer = await service.public.get("/v1/videos", params={"category": "shared"}, headers=headers)
        return [video["id"] for video in answer.json()["items"]]

    assert await listed() == []
    video = await service.published_video(admin, film, category="shared")
    position = str(await service.house.accounts.records.ledger.head())
    assert await listed(**{"Ledger-Position": position}) == [video["id"]]
    assert await listed() == []
    moment.seconds += SHARED_SECONDS
    assert await listed() == [video["id"]]
    for _ in range(2):
        problem_in(await service.public.get("/v1/videos?limit=0"), 400, "invalid_parameter")
