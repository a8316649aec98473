"""Signed deliveries over so many connections, each with one request under way: no client in between, so it is quick."""

import asyncio
import hmac
from collections.abc import Sequence
from hashlib import sha256
from random import Random

from tests.storm.history import Stage

Deliveries = Sequence[Sequence[bytes]]
"""Bodies, stage by stage."""


def shuffled(stages: Sequence[Stage], *, deliveries: int, rng: Random) -> Deliveries:
    """Every event once and some of them again, each at its own stage or later, in an order of chance."""
    events = [(number, body) for number, stage in enumerate(stages) for body in stage.events]
    again = rng.choices(events, k=deliveries - len(events))
    coming: list[list[bytes]] = [[] for _ in stages]
    for number, body in [*events, *again]:
        coming[rng.randrange(number, len(stages))].append(body)
    for bodies in coming:
        rng.shuffle(bodies)
    return coming


class Sender:
    """`share` says how much of it has been answered; an answer other than 200 ends it."""

    def __init__(self, port: int, secret: str, *, signed_at: int) -> None:
        self._port = port
        self._secret = secret.encode()
        self._signed_at = signed_at
        self._answered, self._all = 0, 1

    @property
    def share(self) -> float:
        return self._answered / self._all

    async def send(self, bodies: Sequence[bytes], *, connections: int) -> None:
        self._answered, self._all = 0, len(bodies)
        async with asyncio.TaskGroup() as group:
            for first in range(connections):
                group.create_task(self._send_over_one(bodies[first::connections]))

    async def _send_over_one(self, bodies: Sequence[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            for body in bodies:
                writer.write(self._request(body))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                answer = await reader.readexactly(length)
                assert head.startswith(b"HTTP/1.1 200"), head + answer
                self._answered += 1
        finally:
            writer.close()
            await writer.wait_closed()

    def _request(self, body: bytes) -> bytes:
        signature = hmac.digest(self._secret, b"%d." % self._signed_at + body, sha256).hex().encode()
        return (
            b"POST /v1/webhooks/stripe HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"stripe-signature: t=%d,v1=%b\r\ncontent-length: %d\r\n\r\n%b"
            % (self._signed_at, signature, len(body), body)
        )
