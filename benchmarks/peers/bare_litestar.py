"""A handler of Litestar's that returns a constant, behind all that surrounds ours: what is left to be gained.

Limits on the head, request ids, safe headers, metrics, the access log and the server are those of the product.

    python -m benchmarks.peers.bare_litestar FD
"""

import gc
import socket
import sys
from datetime import UTC, datetime
from uuid import UUID

from litestar import Controller, get, post

from adapters.memory.idempotency import MemoryKeptAnswers
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.tracing.unrecorded import UnrecordedSpans
from application.ports.secrets import SignedIn
from application.ports.throttles import Standing
from application.throttling import Subject
from entrypoints.http.assembly import assemble
from entrypoints.http.metrics import Observed
from entrypoints.http.server import new_server, run
from entrypoints.http.video_views import PlaybackView
from entrypoints.logs import log_as_json

CONSTANT = PlaybackView(
    session_id=UUID(int=1),
    video_id=UUID(int=2),
    provider="mux",
    playback_id="1faba1bfb6250c1a",
    url=f"https://stream.mux.com/1faba1bfb6250c1a.m3u8?token={'x' * 500}",
    token="x" * 500,
    expires_at=datetime.now(UTC),
    resume_at_seconds=0.0,
    storyboard_url=None,
)


class ConstantController(Controller):
    """Asks nobody."""

    @post("/videos/{video_id:uuid}/playback", status_code=200)
    async def start(self) -> PlaybackView:
        return CONSTANT

    @get("/alive")
    async def alive(self) -> None:
        return None


async def nobody(_: str) -> SignedIn:
    raise AssertionError("nobody is asked for a token")


async def at_once(_: int) -> None:
    """No position is waited for."""


class Open:
    """Lets everybody in."""

    async def admit(self, action: str, *, peer: str, subject: Subject | None = None) -> Standing:
        raise AssertionError("nothing is throttled")

    async def befriend(self, *, peer: str, subject: Subject) -> None:
        """Nobody is a stranger."""

    async def is_familiar(self, *, peer: str, subject: Subject) -> bool:
        return True


async def serve(listening: socket.socket) -> None:
    app = assemble(
        versioned=[ConstantController],
        provided={},
        who_is=nobody,
        wait_for=at_once,
        throttling=Open(),
        kept_answers=MemoryKeptAnswers(),
        observed=Observed(PrometheusMetrics().requests, UnrecordedSpans()),
    )
    server = new_server(app, host="127.0.0.1", port=0)
    gc.collect()
    gc.freeze()
    await server.serve(sockets=[listening])


if __name__ == "__main__":
    log_as_json()
    with socket.socket(proto=socket.IPPROTO_TCP, fileno=int(sys.argv[1])) as given:
        run(serve(given))
