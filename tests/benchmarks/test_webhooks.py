"""Who sends webhooks to the contestants says so when one is not taken, and signs what is."""

import asyncio

import pytest
import stripe

from benchmarks.contest import P99
from benchmarks.sending import Sender
from benchmarks.webhooks import RATE, SECRET, Requests

pytestmark = pytest.mark.anyio


async def served(answer: bytes, *, times: int) -> tuple[asyncio.Server, int, list[bytes]]:
    """A server that answers alike, in two pieces, and then hangs up."""
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            if not (head := await head_of(reader)):
                break
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            taken.append(head + await reader.readexactly(length))
            writer.write(answer[:20])
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(answer[20:])
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1], taken


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """Empty when nobody sends any more."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def test_each_request_is_signed_and_its_event_new() -> None:
    requests = Requests("/webhooks")
    bodies = []
    for _ in range(3):
        head, _, body = requests.next().partition(b"\r\n\r\n")
        signature = head.decode().partition("stripe-signature: ")[2].split("\r\n")[0]
        bodies.append(stripe.Webhook.construct_event(body, signature, SECRET))

    assert len({event.id for event in bodies}) == 3
    assert len({event.data.object["customer"] for event in bodies}) == 3


async def test_what_was_answered_is_counted() -> None:
    server, port, taken = await served(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", times=1_000_000)
    async with server:
        sender = Sender(port, Requests("/webhooks"), RATE, connections=3, seconds=0.05)
        sample = await sender.measure()

    assert sender.acknowledged == len(taken) > 3
    assert sample[RATE] > 0
    assert sample[P99] > 0


@pytest.mark.parametrize("answer", [b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nsorry", b""])
async def test_what_is_not_taken_ends_the_run(answer: bytes) -> None:
    server, port, _ = await served(answer, times=1)
    async with server:
        with pytest.raises(ConnectionError):
            await Sender(port, Requests("/webhooks"), RATE, connections=3, seconds=0.05).measure()
