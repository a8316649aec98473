"""Who tries too often is slowed: by account and by the address that it really comes from, and nobody else is."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from litestar.routes import HTTPRoute

from application.ports.throttles import Rate, RateLimited
from application.throttling import Subject
from entrypoints.http.app import create_app
from entrypoints.http.server import new_server
from entrypoints.http.throttled import Throttled
from entrypoints.settings import Settings
from tests.http.mailbox import digits_for
from tests.http.problem import problem_in
from tests.http.running import PASSWORD, Service, running_service
from tests.http.serving import served
from tests.http.small_app import AS_VIEWER, client_of, small_app, throttling_of

pytestmark = pytest.mark.anyio

HERE, THERE = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "198.51.100.9"}
HOURLY = 3600


def key_of(email: str, key: str = "a wrong one") -> dict[str, str]:
    return {"email": email, "key": key}


@asynccontextmanager
async def behind_a_proxy(**limits: Rate) -> AsyncIterator[httpx.AsyncClient]:
    """The small application on a real server that believes this machine about addresses."""
    app = small_app(throttling=throttling_of(**limits))
    async with (
        served(app, trusted_proxies=["127.0.0.1"]) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def test_the_headers_say_how_much_is_left_and_then_when_to_come_again() -> None:
    async with client_of(small_app(throttling=throttling_of(login_account=Rate(2, HOURLY)))) as client:
        first = await client.post("/v1/doors", json=key_of("anna@example.com"))
        problem_in(first, 409, "email_taken")
        await client.post("/v1/doors", json=key_of("anna@example.com"))
        refused = await client.post("/v1/doors", json=key_of("anna@example.com"))

    assert [first.headers[f"ratelimit-{what}"] for what in ("limit", "remaining")] == ["2", "1"]
    assert 1790 <= int(first.headers["ratelimit-reset"]) <= 1801
    problem_in(refused, 429, "rate_limited")
    assert [refused.headers[f"ratelimit-{what}"] for what in ("limit", "remaining")] == ["2", "0"]
    assert 1790 <= int(refused.headers["retry-after"]) <= 1801


async def test_what_is_not_limited_has_no_such_headers(small: httpx.AsyncClient) -> None:
    assert "ratelimit-limit" not in (await small.get("/v1/greeting")).headers


async def test_however_an_address_is_written_it_is_one_account() -> None:
    async with client_of(small_app(throttling=throttling_of(login_account=Rate(2, HOURLY)))) as client:
        spellings = ["anna@example.com", "ANNA@Example.COM", "Anna@EXAMPLE.com"]
        answers = [await client.post("/v1/doors", json=key_of(email)) for email in spellings]
        other = await client.post("/v1/doors", json=key_of("boris@example.com"))

    assert [answer.status_code for answer in answers] == [409, 409, 429]
    assert other.status_code == 409


async def test_however_a_number_is_written_it_is_one_account() -> None:
    limits = throttling_of(login_account=Rate(3, HOURLY))
    for written in ("+447911123456", "+44 (0)7911 123456", " +44-07911-123.456 "):
        await limits.admit("login", peer="203.0.113.7", subject=Subject("phone", written))

    with pytest.raises(RateLimited):
        await limits.admit("login", peer="203.0.113.7", subject=Subject("phone", "+44 07911 123456"))
    await limits.admit("login", peer="203.0.113.7", subject=Subject("phone", "+447911123457"))


async def test_a_stranger_and_a_body_that_cannot_be_read_use_up_nothing() -> None:
    limits = throttling_of(checkout_account=Rate(1, HOURLY), login_peer=Rate(1, HOURLY))
    async with client_of(small_app(throttling=limits)) as client:
        for _ in range(3):
            problem_in(await client.post("/v1/tills"), 401, "not_signed_in")
            problem_in(await client.post("/v1/doors", json={"email": "anna@example.com"}), 400, "malformed_body")

        assert (await client.post("/v1/tills", headers=AS_VIEWER)).status_code == 201
        assert (await client.post("/v1/doors", json=key_of("anna@example.com"))).status_code == 409
        problem_in(await client.post("/v1/tills", headers=AS_VIEWER), 429, "rate_limited")


async def test_a_word_for_another_address_counts_for_nothing_from_whom_it_is_not_believed() -> None:
    app = small_app(throttling=throttling_of(login_peer=Rate(5, HOURLY)))
    spoofed = [
        {
            "X-Forwarded-For": f"203.0.113.{number}",
            "X-Real-IP": f"203.0.113.{number}",
            "Forwarded": f"for=1.1.1.{number}",
        }
        for number in range(20)
    ]
    for trusted in ([], ["10.0.0.5"]):
        async with (
            served(app, trusted_proxies=trusted) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            answers = [
                await client.post("/v1/doors", json=key_of(f"{number}@example.com"), headers=headers)
                for number, headers in enumerate(spoofed)
            ]
        passed = sum(answer.status_code == 409 for answer in answers)
        assert passed == (5 if not trusted else 0), "it is the same address, on the same application"


async def test_behind_a_proxy_each_viewer_has_a_limit_of_their_own() -> None:
    async with behind_a_proxy(login_peer=Rate(2, HOURLY)) as client:
        here = [await client.post("/v1/doors", json=key_of(f"{each}@a.example"), headers=HERE) for each in range(3)]
        there = await client.post("/v1/doors", json=key_of("anna@a.example"), headers=THERE)
        # What the viewer wrote stands before what the proxy added.
        lied = {"X-Forwarded-For": "198.51.100.200, 203.0.113.7"}
        liar = await client.post("/v1/doors", json=key_of("boris@a.example"), headers=lied)

    assert [answer.status_code for answer in here] == [409, 409, 429]
    assert there.status_code == 409
    assert liar.status_code == 429


async def test_text_that_is_no_address_is_nobody_of_its_own() -> None:
    async with behind_a_proxy(login_peer=Rate(2, HOURLY)) as client:
        answers = [
            await client.post("/v1/doors", json=key_of(f"{number}@a.example"), headers={"X-Forwarded-For": text})
            for number, text in enumerate(["unknown", "_hidden:4711", "203.0.113.7, 1.2.3.4.5"])
        ]

    assert [answer.status_code for answer in answers] == [409, 409, 429]


@pytest.mark.parametrize("trusted", ["10.0.0.5", "10.0.0.0/8", "::ffff:10.0.0.5", "::ffff:10.0.0.0/104"])
@pytest.mark.parametrize("seen", ["10.0.0.5", "::ffff:10.0.0.5"])
async def test_a_proxy_of_ipv4_is_believed_however_a_socket_of_both_families_names_it(trusted: str, seen: str) -> None:
    """Also where another one before it is named in the header."""
    app = small_app(throttling=throttling_of(login_peer=Rate(1, HOURLY)))
    server = new_server(app, host="::", port=0, trusted_proxies=[trusted])
    server.config.load()
    believing = httpx.ASGITransport(cast("Any", server.config.loaded_app), client=(seen, 4711))
    words = ["203.0.113.7", "198.51.100.9", "::ffff:203.0.113.7", f"198.51.100.9, {seen}"]
    async with httpx.AsyncClient(transport=believing, base_url="http://streamly.test") as client:
        answers = [
            await client.post("/v1/doors", json=key_of(f"{each}@a.example"), headers={"X-Forwarded-For": word})
            for each, word in enumerate(words)
        ]

    assert [answer.status_code for answer in answers] == [409, 409, 429, 429]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
    ],
)
async def test_a_network_of_ipv6_is_one_address(one: str, other: str, *, same: bool) -> None:
    async with behind_a_proxy(login_peer=Rate(1, HOURLY)) as client:
        await client.post("/v1/doors", json=key_of("anna@a.example"), headers={"X-Forwarded-For": one})
        second = await client.post("/v1/doors", json=key_of("boris@a.example"), headers={"X-Forwarded-For": other})

    assert second.status_code == (429 if same else 409)


async def test_guesses_from_many_addresses_are_slowed_and_the_owner_gets_in_where_she_was_before() -> None:
    async with behind_a_proxy(login_account=Rate(3, HOURLY), login_familiar=Rate(2, HOURLY)) as client:
        opened = await client.post("/v1/doors", json=key_of("anna@a.example", "the right one"), headers=HERE)
        guesses = [
            await client.post(
                "/v1/doors", json=key_of("anna@a.example"), headers={"X-Forwarded-For": f"192.0.2.{number}"}
            )
            for number in range(200)
        ]
        again = await client.post("/v1/doors", json=key_of("Anna@a.example", "the right one"), headers=HERE)
        elsewhere = await client.post("/v1/doors", json=key_of("anna@a.example", "the right one"), headers=THERE)
        guessed_here = [await client.post("/v1/doors", json=key_of("anna@a.example"), headers=HERE) for _ in range(3)]

    assert opened.status_code == 201
    assert [answer.status_code for answer in guesses] == [409] * 2 + [429] * 198
    assert again.status_code == 201
    assert elsewhere.status_code == 429
    assert [answer.status_code for answer in guessed_here] == [409, 429, 429]


async def test_a_wrong_guess_makes_no_address_familiar() -> None:
    async with behind_a_proxy(login_account=Rate(2, HOURLY), login_familiar=Rate(100, HOURLY)) as client:
        answers = [await client.post("/v1/doors", json=key_of("anna@a.example"), headers=HERE) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [409, 409, 429, 429]


LIMITS: dict[str, Any] = {
    "throttle_register_account": "2/1h",
    "throttle_login_account": "3/1h",
    "throttle_login_familiar": "5/1h",
    "throttle_otp_account": "2/1h",
    "throttle_confirm_account": "4/1h",
    "throttle_refresh_peer": "4/1h",
    "throttle_checkout_account": "2/1h",
    "throttle_refund_account": "2/1h",
    "throttle_playback_peer": "2/1h",
    "trusted_proxies": "127.0.0.1",
}


@pytest.fixture(scope="module")
async def two(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Service]]:
    """Two of them on one database, as two processes are, behind a proxy."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                running_service(module_database, tmp_path_factory.mktemp("service"), **LIMITS, master_keys=MASTER)
            )
            for _ in range(2)
        ]


MASTER = "k1:" + "A" * 43 + "="


async def test_everything_without_a_token_but_signing_out_is_limited_and_every_limit_is_a_setting(
    two: list[Service],
) -> None:
    handlers = {
        route.path_format: handler
        for route in create_app(two[0].house).routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method == "POST"
    }
    rules: dict[str, Throttled] = {
        path: handler.opt["throttled"] for path, handler in handlers.items() if "throttled" in handler.opt
    }

    confirming = {path for path, rule in rules.items() if rule == Throttled("confirm", "account")}
    erasing = {"/v1/me/erasure", "/v1/me/erasure/code"}
    assert confirming == {"/v1/me/email", "/v1/me/phone", "/v1/me/phone/verify", "/v1/me/password"} | erasing
    auth = {path for path in handlers if path.startswith("/v1/auth/")}
    assert auth - set(rules) <= {"/v1/auth/logout"}
    wanted = {f"{rule.action}_peer" for rule in rules.values()}
    wanted |= {f"{rule.action}_account" for rule in rules.values() if rule.by is not None}
    assert wanted <= {name.removeprefix("throttle_") for name in Settings.__struct_fields__}


async def test_two_processes_count_together(two: list[Service]) -> None:
    anna = await two[0].sign_up()
    wrong = {"email": anna.email, "password": "a wrong password"}

    answers = [
        await two[number % 2].public.post(
            "/v1/auth/login", json=wrong, headers={"X-Forwarded-For": f"192.0.2.{number}"}
        )
        for number in range(6)
    ]

    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 3


async def test_who_signed_in_here_before_is_not_locked_out_by_who_guesses(two: list[Service]) -> None:
    anna = await two[0].sign_up()
    right = {"email": anna.email, "password": PASSWORD}
    assert (await two[0].public.post("/v1/auth/login", json=right, headers=HERE)).status_code == 200
    for number in range(8):
        wrong = right | {"password": f"guess number {number}"}
        await two[0].public.post("/v1/auth/login", json=wrong, headers={"X-Forwarded-For": f"192.0.2.{number}"})

    at_home = await two[1].public.post("/v1/auth/login", json=right, headers=HERE)
    away = await two[1].public.post("/v1/auth/login", json=right, headers=THERE)

    assert at_home.status_code == 200
    problem_in(away, 429, "rate_limited")


async def test_a_taken_address_is_asked_for_so_often_and_no_more(two: list[Service]) -> None:
    taken = {"email": "taken@example.com", "password": PASSWORD}

    answers = [await two[0].public.post("/v1/auth/register", json=taken, headers=HERE) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 409, 429]


async def test_refreshing_opening_checkouts_and_refunding_are_limited(two: list[Service]) -> None:
    admin = await two[0].sign_up("admin")
    token = {"refresh_token": "none of ours"}
    nothing = "00000000-0000-4000-8000-000000000000"

    refreshed = [await two[0].public.post("/v1/auth/refresh", json=token, headers=HERE) for _ in range(5)]
    opened = [await admin.http.post("/v1/checkout", json={"plan_id": nothing}) for _ in range(3)]
    refund = f"/v1/admin/payments/{nothing}/refund"
    refunded = [await admin.http.post(refund, json={"reason": "none"}) for _ in range(3)]

    assert [answer.status_code for answer in refreshed] == [401] * 4 + [429]
    assert [answer.status_code for answer in opened] == [404, 404, 429]
    assert [answer.status_code for answer in refunded] == [404, 404, 429]


async def test_strangers_who_play_are_limited_and_who_is_signed_in_is_not(two: list[Service]) -> None:
    anna = await two[0].sign_up()
    path = "/v1/videos/00000000-0000-4000-8000-000000000000/playback"

    hers = [await anna.http.post(path, json={}, headers=HERE) for _ in range(3)]
    strangers = [await two[each % 2].public.post(path, json={}, headers=HERE) for each in range(3)]

    assert [answer.status_code for answer in hers] == [404] * 3
    assert [answer.status_code for answer in strangers] == [404, 404, 429]


async def test_who_signed_in_here_by_phone_is_sent_a_code_though_others_ask_for_that_number(two: list[Service]) -> None:
    phone = {"phone": "+48600700800"}
    asked = await two[0].public.post("/v1/auth/otp", json=phone, headers=HERE)
    code = await digits_for(two[0], phone["phone"])
    signed_in = await two[0].public.post("/v1/auth/otp/verify", json=phone | {"code": code}, headers=HERE)

    strangers = [await two[1].public.post("/v1/auth/otp", json=phone, headers=THERE) for _ in range(2)]
    at_home = await two[1].public.post("/v1/auth/otp", json=phone, headers=HERE)

    assert [answer.status_code for answer in (asked, signed_in)] == [202, 200]
    assert [answer.status_code for answer in strangers] == [202, 429]
    assert at_home.status_code == 202


async def test_the_code_that_was_asked_for_at_home_outlives_what_a_stranger_asks_for_and_tries(
    two: list[Service],
) -> None:
    async def asks(way: str, body: dict[str, str], where: dict[str, str]) -> int:
        return (await two[0].public.post(f"/v1/auth/{way}", json=body, headers=where)).status_code

    phone = {"phone": "+48600700802"}
    assert await asks("otp", phone, HERE) == 202
    assert await asks("otp/verify", phone | {"code": await digits_for(two[0], phone["phone"])}, HERE) == 200
    assert await asks("otp", phone, HERE) == 202
    code = await digits_for(two[0], phone["phone"])

    assert await asks("otp", phone, THERE) == 202
    guesses = [f"{(int(code) + number) % 1_000_000:06}" for number in range(1, 7)]
    assert [await asks("otp/verify", phone | {"code": guess}, THERE) for guess in guesses] == [401] * 6

    assert await asks("otp/verify", phone | {"code": code}, THERE) == 401
    assert await asks("otp/verify", phone | {"code": code}, HERE) == 200


async def test_a_password_is_asked_for_so_often_whatever_it_is_for(two: list[Service]) -> None:
    anna, boris = await two[0].sign_up(), await two[0].sign_up()
    wrong = "a wrong password"
    tries: list[tuple[str, dict[str, str]]] = [
        ("/v1/me/email", {"email": "another@example.com", "password": wrong}),
        ("/v1/me/phone", {"phone": "+48600700801", "password": wrong}),
        ("/v1/me/password", {"current_password": wrong, "new_password": PASSWORD + " again"}),
        ("/v1/me/phone/verify", {"code": "123456"}),
    ]

    allowed = [(await anna.http.post(path, json=body)).status_code for path, body in tries]
    refused = [await anna.http.post(path, json=body) for path, body in tries]
    path, body = tries[0]
    others = await boris.http.post(path, json=body)

    assert 429 not in allowed
    for answer in refused:
        problem_in(answer, 429, "rate_limited")
    assert others.status_code == allowed[0]
