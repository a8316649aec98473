"""The HTTP server: uvicorn with a limit on everything that a client decides."""

import asyncio
import resource
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, cast

import uvicorn
from uvicorn._types import ASGIApplication
from uvicorn.loops.auto import auto_loop_factory

from entrypoints.http.deadlines import Crowd, Patience, Patient

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 10
DRAIN_SECONDS = 10
CONNECTIONS_MAX = 10_000
PATIENCE = Patience()
FILES_WITHOUT_LIMIT = 65_536
FILES_OF_OUR_OWN = 256
"""The database's connections, uploads, logs and the libraries: beside the clients'."""


def run(serving: Coroutine[Any, Any, None]) -> None:
    """Until it is done, on uvicorn's choice of an event loop: uvloop where there is one, in half of asyncio's time."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(serving)


def files_may_be_open() -> int:
    """How many, once that is as many as the system lets a process ask for by itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return FILES_WITHOUT_LIMIT if soft == resource.RLIM_INFINITY else soft
    wanted = FILES_WITHOUT_LIMIT if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def new_server(
    app: object,
    *,
    host: str,
    port: int,
    trusted_proxies: Sequence[str] = (),
    connections_max: int = CONNECTIONS_MAX,
    patience: Patience = PATIENCE,
) -> uvicorn.Server:
    """A server that has not started: `await server.serve()`. Forwarded addresses are believed of these proxies alone.

    It says nothing of itself, and logs no paths: the application writes the access log. Of connections it holds so
    many, and as many fewer as the process may open fewer files.
    """
    crowd = Crowd(min(connections_max, files_may_be_open() - FILES_OF_OUR_OWN), patience)
    config = uvicorn.Config(
        cast("ASGIApplication", app),
        host=host,
        port=port,
        http=cast("type[asyncio.Protocol]", partial(Patient, crowd=crowd)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return uvicorn.Server(config)
