"""A connection that breaks around COMMIT: a proxy between the driver and PostgreSQL, told when to hang up."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Moment = Literal["before it arrives", "after it is done"]

COMMIT = b"COMMIT\0"
"""In what the driver sends a statement, in what the server sends the tag of one that is done."""


class Proxy:
    """Passes all on; of the next transactions that want to commit it hangs up on so many, at the moment given."""

    def __init__(self, dsn: str) -> None:
        place = conninfo_to_dict(dsn)
        self._host, self._port = str(place["host"]), int(place.get("port") or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self.moment: Moment = "after it is done"
        self.cuts_left = 0
        port = self._listener.getsockname()[1]
        self.dsn = make_conninfo(dsn, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in self._sockets:
            _hang_up(each)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                self._sockets += [client, server]
                committing = threading.Event()
                for pump in (self._to_server, self._to_client):
                    threading.Thread(target=pump, args=(client, server, committing), daemon=True).start()

    def _connect(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return server

    def _to_server(self, client: socket.socket, server: socket.socket, committing: threading.Event) -> None:
        before = b""
        for said in _heard(client):
            if self.cuts_left and COMMIT in before + said:
                self.cuts_left -= 1
                if self.moment == "before it arrives":
                    break
                committing.set()
            _pass_on(said, server)
            before = said[1 - len(COMMIT) :]
        # While a commit is under way the other pump hangs up.
        if not committing.is_set():
            _hang_up(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket, committing: threading.Event) -> None:
        kept = b""
        for said in _heard(server):
            if not committing.is_set():
                _pass_on(said, client)
            elif COMMIT in (kept := kept + said):
                break
        _hang_up(client, server)


def _heard(ear: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while said := ear.recv(65_536):
            yield said


def _pass_on(said: bytes, to: socket.socket) -> None:
    # To one that has hung up: whoever said it finds that out by himself.
    with suppress(OSError):
        to.sendall(said)


def _hang_up(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextmanager
def cut_off(dsn: str) -> Iterator[Proxy]:
    proxy = Proxy(dsn)
    try:
        yield proxy
    finally:
        proxy.close()
