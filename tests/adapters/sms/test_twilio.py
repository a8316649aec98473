"""Text messages by Twilio against the simulator: what it is asked, and what its answers mean."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.sandbox.server import create_sandbox_app
from adapters.sandbox.twilio.account import ACCOUNT_SID, AUTH_TOKEN, SENDER
from adapters.sandbox.twilio.simulator import twilio_simulator
from adapters.sms.twilio import TwilioAccount, TwilioTextMessages
from application.ports.letters import Letter, NotSentNow, Undeliverable
from application.wording import Wording
from tests.http.serving import served

pytestmark = pytest.mark.anyio

ANNA = "+14155550100"
LETTER = Wording("https://streamly.example").sign_in_code(ANNA)("123456")
OURS = TwilioAccount(ACCOUNT_SID, ACCOUNT_SID, AUTH_TOKEN, SENDER)


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    async with served(create_sandbox_app([twilio_simulator()])) as port:
        yield f"http://127.0.0.1:{port}/twilio"


@contextlib.asynccontextmanager
async def twilio_at(
    address: str, account: TwilioAccount = OURS, *, timeout_seconds: float = 5
) -> AsyncIterator[TwilioTextMessages]:
    messages = TwilioTextMessages(account, api_base=address, timeout_seconds=timeout_seconds)
    try:
        yield messages
    finally:
        await messages.close()


async def sent(address: str, letter: Letter = LETTER, account: TwilioAccount = OURS) -> str:
    async with twilio_at(address, account) as messages:
        return await messages.send(letter)


async def control(address: str, method: str, path: str, body: Any = None) -> Any:
    async with httpx.AsyncClient() as http:
        answer = await http.request(method, f"{address}/_sandbox{path}", json=body)
    assert answer.is_success
    return answer.json() if answer.content else None


def letter_to(number: str, body: str = "Hello") -> Letter:
    return Letter(channel="sms", to=number, kind="test", subject="", body=body)


@pytest.mark.parametrize(
    "account",
    [
        OURS,
        OURS._replace(key="SK" + "1" * 32),
        OURS._replace(sender="MG" + "2" * 32),
    ],
)
async def test_a_message_is_taken(address: str, account: TwilioAccount) -> None:
    reference = await sent(address, account=account)

    newest = (await control(address, "GET", "/messages"))[0]
    del newest["at"]
    assert newest == {"sid": reference, "to": ANNA, "sender": account.sender, "body": LETTER.body}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+15005550001", 21211),
        ("anna", 21211),
        ("+15005550003", 21408),
        ("+15005550004", 21610),
        ("+15005550009", 21614),
    ],
)
async def test_a_number_that_cannot_be_reached_is_not_tried_again(address: str, number: str, code: int) -> None:
    with pytest.raises(Undeliverable) as never:
        await sent(address, letter_to(number))

    assert str(never.value) == f"Twilio said 400 ({code})"
    assert never.value.refused


@pytest.mark.parametrize(
    ("account", "error"),
    [
        (OURS._replace(secret="wrong"), "401 (20003)"),
        (OURS._replace(sid="AC" + "9" * 32), "401 (20003)"),
        (OURS._replace(sender="+14155550199"), "400 (21606)"),
    ],
)
async def test_what_is_wrong_with_our_account_is_for_the_operator(
    address: str, account: TwilioAccount, error: str
) -> None:
    with pytest.raises(Undeliverable) as never:
        await sent(address, account=account)

    assert str(never.value) == f"Twilio said {error}"
    assert not never.value.refused


@pytest.mark.parametrize("body", ["", "x" * 1601])
async def test_a_text_that_twilio_does_not_take_is_for_us(address: str, body: str) -> None:
    with pytest.raises(Undeliverable) as never:
        await sent(address, letter_to(ANNA, body))
    assert not never.value.refused


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_when_twilio_is_busy_or_broken_it_is_tried_again(address: str, status: int) -> None:
    await control(address, "POST", "/faults", {"status": status, "retry_after_seconds": 7})

    with pytest.raises(NotSentNow) as later:
        await sent(address)

    assert str(later.value).startswith(f"Twilio said {status}")
    assert later.value.retry_after_seconds == 7
    assert await sent(address)


async def test_it_is_not_put_off_for_ever(address: str) -> None:
    await control(address, "POST", "/faults", {"status": 429, "retry_after_seconds": 86_400})
    with pytest.raises(NotSentNow) as later:
        await sent(address)
    assert later.value.retry_after_seconds == 600


async def test_of_nobody_there_and_of_silence_the_number_is_not_told() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with twilio_at(address, timeout_seconds=0.2) as messages, asyncio.timeout(3):
            with pytest.raises(NotSentNow) as later:
                await messages.send(LETTER)
    assert ANNA not in str(later.value)
    with pytest.raises(NotSentNow, match="ConnectError"):
        await sent(address)


async def test_an_answer_that_nobody_understands_sends_no_message_twice() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            await send({"type": "http.response.start", "status": 201, "headers": []})
            await send({"type": "http.response.body", "body": b"<html>"})

    async with served(app) as port:
        assert await sent(f"http://127.0.0.1:{port}") == "unknown"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_answer_sends_a_code_elsewhere(status: int) -> None:
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            asked.append(scope["path"])
            await send({"type": "http.response.start", "status": status, "headers": [(b"location", b"/elsewhere")]})
            await send({"type": "http.response.body", "body": b""})

    async with served(app) as port:
        with pytest.raises(NotSentNow):
            await sent(f"http://127.0.0.1:{port}")

    assert asked == [f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"]


async def test_what_was_taken_and_not_answered_for_is_not_sent_twice(address: str) -> None:
    letter = letter_to("+14155550177", "Your code is 424242")
    await control(address, "POST", "/faults", {"status": 503, "taken": True})
    async with twilio_at(address) as messages:
        with pytest.raises(NotSentNow):
            await messages.send(letter)
        reference = await messages.send(letter, again=True)
        other = await messages.send(letter_to("+14155550177", "Your code is 242424"), again=True)

    taken = [one for one in await control(address, "GET", "/messages") if one["to"] == letter.to]
    assert [one["sid"] for one in taken] == [other, reference]


async def test_the_same_words_are_news_after_a_while(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = letter_to("+14155550178")
    first = await sent(address, letter)
    async with twilio_at(address) as messages:
        monkeypatch.setattr("adapters.sms.twilio.LOOKED_BACK", timedelta(0))
        later = await messages.send(letter, again=True)

    assert later != first
