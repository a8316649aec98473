"""The HTTP server: uvicorn with a limit on everything that a client decides."""

import asyncio
import logging
import resource
import socket
from collections.abc import Coroutine, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import uvicorn
from uvicorn._types import ASGI3Application, ASGIApplication
from uvicorn.loops.auto import auto_loop_factory

from entrypoints.http.deadlines import Crowd, Patience, Patient
from entrypoints.http.doors import turn_newcomers_away
from entrypoints.http.health import LEAVING
from entrypoints.http.metrics import RequestMetrics, Uncounted
from entrypoints.http.proxied import Proxied
from entrypoints.proxies import proxies_of
from entrypoints.stopping import at_first_signal

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 10
LEAVE_SECONDS = 1.0
"""How long a service that was told to stop still lets people in, saying by /health/ready that it is leaving."""
LAST_WORDS_SECONDS = 0.25
"""For who has connected to be accepted, and for who was accepted to be heard."""
DRAIN_SECONDS = 6
"""What was begun has so long then."""
CONNECTIONS_MAX = 10_000
PATIENCE = Patience()
UNCOUNTED = Uncounted()
FILES_WITHOUT_LIMIT = 65_536
FILES_OF_OUR_OWN = 256
"""The database's connections, uploads, logs and the libraries: beside the clients'."""


def run(serving: Coroutine[Any, Any, None]) -> None:
    """Until it is done, on uvicorn's choice of an event loop: uvloop where there is one, in half of asyncio's time."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(serving)


def is_news(record: logging.LogRecord) -> bool:
    """Not where uvicorn says of what is no request that it is none: its line in the access log does."""
    return record.msg != "Invalid HTTP request received."


def files_may_be_open() -> int:
    """How many, once that is as many as the system lets a process ask for by itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return FILES_WITHOUT_LIMIT if soft == resource.RLIM_INFINITY else soft
    wanted = FILES_WITHOUT_LIMIT if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


class Server(uvicorn.Server):
    """uvicorn's, which a signal ends in peace: nobody's request is broken off, and the caller goes on after `serve`.

    uvicorn's own raises the signal again once it has served, and the process dies of it with nothing closed.
    """

    def __init__(self, config: uvicorn.Config, crowd: Crowd, *, leave_seconds: float) -> None:
        super().__init__(config)
        self._crowd = crowd
        self._leave_seconds = leave_seconds

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """The first signal ends it in peace, another the process."""
        with at_first_signal(self._leave):
            yield

    def _leave(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """First every answer says that the connection ends with it, so that no client sends into one that is closed.

        Then nobody is let in, those who have just come are heard, and what was begun has its time to end.
        """
        self.lifespan.state[LEAVING] = True
        self._crowd.leave(cast("set[Patient]", self.server_state.connections))
        await asyncio.sleep(self._leave_seconds)
        for listening in sockets or ():
            turn_newcomers_away(listening)
        await asyncio.sleep(min(self._leave_seconds, LAST_WORDS_SECONDS))
        for server in self.servers:
            server.close()
        await asyncio.sleep(min(self._leave_seconds, LAST_WORDS_SECONDS))
        await super().shutdown(sockets)


def new_server(
    app: object,
    *,
    host: str,
    port: int,
    trusted_proxies: Sequence[str] = (),
    country_header: str = "",
    connections_max: int = CONNECTIONS_MAX,
    patience: Patience = PATIENCE,
    leave_seconds: float = 0.0,
    requests: RequestMetrics = UNCOUNTED,
) -> Server:
    """A server that has not started: `await server.serve()`. Forwarded addresses are believed of these proxies alone,
    and so is the country in that header.

    It says nothing of itself, and logs no paths: the application writes the access log, and the lines of what never
    reaches it are written here and counted among `requests`. Of connections it holds so many, and as many fewer as the
    process may open fewer files.
    """
    logging.getLogger("uvicorn.error").addFilter(is_news)
    crowd = Crowd(min(connections_max, files_may_be_open() - FILES_OF_OUR_OWN), patience)
    if trusted_proxies:
        app = Proxied(cast("ASGI3Application", app), proxies_of(trusted_proxies), country_header)
    config = uvicorn.Config(
        cast("ASGIApplication", app),
        host=host,
        port=port,
        http=cast("type[asyncio.Protocol]", partial(Patient, crowd=crowd, requests=requests)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return Server(config, crowd, leave_seconds=leave_seconds)
