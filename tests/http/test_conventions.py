"""What holds for every address: ids, headers, pages, positions and the log."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from application.ports.throttles import Rate
from entrypoints.logs import JsonLines
from tests.http.problem import problem_in
from tests.http.small_app import ANNA, AS_VIEWER, client_of, small_app, throttling_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/v1/greeting", "/v1/nowhere", "/v1/broken", "/docs"])
async def test_every_answer_has_the_request_id_and_safe_headers(small: httpx.AsyncClient, path: str) -> None:
    answer = await small.get(path, headers={"X-Request-ID": "from-the-client.1"})

    assert answer.headers["x-request-id"] == "from-the-client.1"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= {*policy}
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("given", ["", "with space", "x" * 129, "<script>", "a\tb"])
async def test_a_request_id_that_is_not_safe_to_log_is_replaced(small: httpx.AsyncClient, given: str) -> None:
    made = (await small.get("/v1/greeting", headers={"X-Request-ID": given})).headers["x-request-id"]

    assert made != given
    assert len(made) == 36


async def test_encrypted_connections_stay_encrypted(small: httpx.AsyncClient) -> None:
    answer = await small.get("https://streamly.test/v1/greeting")

    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_the_log_has_one_line_to_a_request_and_no_secret(
    small: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "streamly"):
        await small.get("/v1/tickets?limit=3&hint=CANARY", headers=AS_VIEWER | {"X-Request-ID": "one"})
        await small.put("/v1/files/CANARY", content=b"CANARY")
        await small.put("/v1/files/CANARY/beyond", content=b"CANARY")
        await small.post("/v1/tickets", json={"film": "CANARY", "password": "CANARY"}, headers=AS_VIEWER)

    ours = [record for record in caplog.records if record.name.startswith("streamly")]
    lines = [vars(record) for record in ours if record.name == "streamly.access"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/v1/tickets", 200),
        ("PUT", "/v1/files/{token}", 200),
        ("PUT", None, 404),
        ("POST", "/v1/tickets", 400),
    ]
    assert lines[0]["request_id"] == "one"
    assert [line["account_id"] for line in lines] == [str(ANNA), None, None, str(ANNA)]
    assert all(line["ms"] >= 0 for line in lines)
    assert "CANARY" not in "".join(map(JsonLines().format, ours))


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the service writes, as a collector of logs reads it."""
    text, logger = StringIO(), logging.getLogger("streamly")
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    level, logger.level = logger.level, logging.INFO
    yield lambda: [json.loads(line) for line in text.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(level)


async def test_all_lines_about_a_request_name_it_its_account_and_its_trace(
    small: httpx.AsyncClient, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    given = {"X-Request-ID": "one", "traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    await small.post("/v1/orders", json={"film": "broken"}, headers=AS_VIEWER | given)

    failed, answered = lines()
    assert (failed["message"], answered["message"]) == ("a request failed", "answered")
    for line in (failed, answered):
        assert (line["request_id"], line["account_id"], line["trace_id"]) == ("one", str(ANNA), trace_id)
    assert failed["span_id"] == answered["span_id"] != "b7ad6b7169203331"


async def test_a_request_without_a_trace_that_is_good_begins_one(
    small: httpx.AsyncClient, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for headers in ([], [("traceparent", "00-nonsense")], [("traceparent", good), ("traceparent", good)]):
        await small.get("/v1/greeting", headers=headers)

    told = [line["trace_id"] for line in lines()]
    assert len(set(told)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in told)
    assert good[3:35] not in told


async def test_nothing_in_a_request_begins_a_line_of_the_log(
    small: httpx.AsyncClient, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    forged = '\n{"level":"info","message":"answered","status":200,"account_id":"CANARY"}\r\n\u2028\x85\x1b[2J'
    in_an_address = quote(forged)
    for method, path in (("GET", f"/v1/{in_an_address}"), ("PUT", f"/v1/files/{in_an_address}"), ("GET", "/v1/broken")):
        raw = {name.encode(): forged.encode() for name in ("X-Request-ID", "User-Agent", "traceparent", "Origin")}
        await small.request(method, f"{path}?hint={in_an_address}", headers=raw)
    await small.post("/v1/orders", json={"film": forged}, headers=AS_VIEWER)
    await small.post("/v1/doors", json={"email": forged, "key": forged})

    told = lines()
    assert [line["message"] for line in told if line["logger"] == "streamly.access"] == ["answered"] * 5
    assert "CANARY" not in json.dumps(told)


async def test_the_line_of_a_refused_request_says_which_control_it_tried(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    limited = throttling_of(login_account=Rate(1, 3600))
    preflight = {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"}
    once = AS_VIEWER | {"Idempotency-Key": "the log of a refused request"}
    async with client_of(small_app(cors_origins=("https://shop.test",), throttling=limited)) as client:
        await client.get("/v1/greeting", headers=AS_VIEWER)
        await client.post("/v1/screens", json={"film": "Nosferatu"}, headers=AS_VIEWER)
        await client.get("/v1/tickets", headers={"Authorization": "Bearer stale"})
        for _ in range(2):
            await client.post("/v1/doors", json={"email": "anna@example.com", "key": "a wrong one"})
            await client.post("/v1/orders", json={"film": "taken"}, headers=once)
        await client.options("/v1/greeting", headers=preflight)
        await client.options("/v1/greeting", headers=preflight | {"Origin": "https://shop.test"})
        await client.get("/v1/greeting", headers={"X-Long": "x" * 40_000})

    told = [(line["status"], line["account_id"], line["code"]) for line in lines() if line["message"] == "answered"]
    assert told == [
        (200, str(ANNA), None),
        (403, str(ANNA), "not_allowed"),
        (401, None, "invalid_token"),
        (409, None, "email_taken"),
        (409, str(ANNA), "email_taken"),
        (429, None, "rate_limited"),
        (409, str(ANNA), "email_taken"),
        (400, None, "preflight_refused"),
        (204, None, None),
        (431, None, "headers_too_large"),
    ]


async def test_pages_follow_each_other_to_the_end(small: httpx.AsyncClient) -> None:
    seen: list[int] = []
    cursor: str | None = None
    sizes: list[int] = []
    while True:
        asked = {"limit": "20"} | ({"cursor": cursor} if cursor else {})
        page = (await small.get("/v1/tickets", params=asked, headers=AS_VIEWER)).json()
        seen += page["items"]
        sizes.append(len(page["items"]))
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == list(range(1, 46))
    assert sizes == [20, 20, 5]


@pytest.mark.parametrize(
    "cursor", ["x", "é", "bnVsbA", "WyJhIl0", "Wy0xXQ", "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd", "W10", "", "%00"]
)
async def test_a_cursor_of_somebody_elses_making_is_refused(small: httpx.AsyncClient, cursor: str) -> None:
    answer = await small.get("/v1/tickets", params={"cursor": cursor}, headers=AS_VIEWER)

    assert problem_in(answer, 400, "invalid_cursor")["errors"][0]["field"] == "cursor"


async def test_a_write_answers_with_its_position(small: httpx.AsyncClient) -> None:
    answer = await small.post("/v1/tickets", json={"film": "Nosferatu"}, headers=AS_VIEWER)

    assert answer.headers["ledger-position"] == "7"


async def test_a_read_waits_for_the_position_that_it_names(small: httpx.AsyncClient) -> None:
    async def reading(position: str) -> httpx.Response:
        given = {b"authorization": b"Bearer viewer", b"ledger-position": position.encode("latin-1")}
        return await small.get("/v1/tickets", headers=given)

    assert (await reading("30")).status_code == 200
    late = await reading("31")
    problem_in(late, 503, "not_yet_visible")
    assert late.headers["retry-after"] == "1"
    problem_in(await reading("41"), 400, "unknown_position")
    for nonsense in ("-1", "1.5", "x", "", "1" * 19, " 1 2", "²"):
        problem_in(await reading(nonsense), 400, "invalid_parameter")


async def test_a_stranger_makes_nobody_wait(small: httpx.AsyncClient) -> None:
    problem_in(await small.get("/v1/tickets", headers={"Ledger-Position": "41"}), 401, "not_signed_in")


async def test_pages_of_other_origins_are_let_in_only_by_name() -> None:
    asked = {"Origin": "https://shop.test", "Access-Control-Request-Method": "GET"}
    async with client_of(small_app()) as closed, client_of(small_app(cors_origins=("https://shop.test",))) as opened:
        assert "access-control-allow-origin" not in (await closed.get("/v1/greeting", headers=asked)).headers
        preflight = await opened.options("/v1/greeting", headers=asked)
        stranger = await opened.get("/v1/greeting", headers={"Origin": "https://evil.test"})

    assert preflight.headers["access-control-allow-origin"] == "https://shop.test"
    assert stranger.headers.get("access-control-allow-origin") != "https://evil.test"


@pytest.mark.parametrize("cors_origins", [(), ("https://shop.test",)])
async def test_media_is_for_pages_of_any_origin_and_a_part_of_it_too(cors_origins: tuple[str, ...]) -> None:
    origin, path = {"Origin": "https://player.test"}, "/media/a-token/a-video/seg_00000.m4s"
    wish = origin | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    async with client_of(small_app(cors_origins=cors_origins)) as client:
        preflight, refused = await client.options(path, headers=wish), await client.get(path, headers=origin)
        elsewhere = await client.options("/v1/greeting", headers=wish)

    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD"
    assert "range" in preflight.headers["access-control-allow-headers"]
    assert (refused.status_code, refused.headers.get_list("access-control-allow-origin")) == (404, ["*"])
    assert elsewhere.headers.get("access-control-allow-origin") != "*"
