"""One running PostgreSQL: how it is started, seen to have ended, and stopped."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from adapters.embedded_postgres.binaries import Binaries
from adapters.embedded_postgres.cluster import Cluster
from adapters.embedded_postgres.identity import Identity, Tie

# What each signal asks for, and how long it is given: a fast shutdown, an immediate one (the next start replays the
# log), and no choice.
STOP_SIGNALS_SECONDS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

SETTINGS = (
    "listen_addresses=",  # the Unix socket is the only way in
    "unix_socket_permissions=0700",
    "port=5432",  # only a part of the socket's name
    "max_connections=100",
    "shared_buffers=128MB",  # enough for a laptop's working set; the kernel's page cache does the rest
    "max_wal_size=512MB",  # bounds the disk it takes, and the recovery after a crash
    "jit=off",  # compiling costs more than it saves in queries of milliseconds
    "timezone=UTC",
    "log_timezone=UTC",
    "log_checkpoints=off",  # or a log of 10 MB says nothing else
    "log_line_prefix=%m [%p] ",
)
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Server:
    """A postgres process that lives no longer than this one, whichever way this one ends.

    Raises OSError when there is no process to be had. The server inherits the lock, which may be closed here then.
    """

    def __init__(
        self,
        cluster: Cluster,
        binaries: Binaries,
        identity: Identity,
        *,
        durable: bool,
        settings: Sequence[str],
        lock: int,
    ) -> None:
        self._log = cluster.log
        command = _command(cluster, binaries, identity, durable=durable, settings=settings)
        started: Future[subprocess.Popen[bytes]] = Future()
        # Linux interrupts the server when the *thread* that forked it ends; this one ends with the server or with us.
        self._thread = threading.Thread(
            target=self._run, args=(command, identity, lock, started), name="embedded-postgres", daemon=True
        )
        self._thread.start()
        self._process = started.result()

    def _run(self, command: list[str], identity: Identity, lock: int, started: Future[subprocess.Popen[bytes]]) -> None:
        try:
            process = self._spawn(command, identity, lock)
        except OSError as error:
            started.set_exception(error)
        else:
            started.set_result(process)
            process.wait()
            if process.stdin:
                process.stdin.close()

    def _spawn(self, command: list[str], identity: Identity, lock: int) -> subprocess.Popen[bytes]:
        with self._log.open() as log:
            os.fchown(log.fileno(), identity.owner_uid, identity.owner_gid)
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # the guard's sign of life; nothing is written to it
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C in the terminal is for us: the server outlives its users
            )

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, and what was committed is on the disk."""
        for number, patience_seconds in STOP_SIGNALS_SECONDS:
            self._process.send_signal(number)
            self._thread.join(patience_seconds)
            if self.ended:
                break


def _command(
    cluster: Cluster, binaries: Binaries, identity: Identity, *, durable: bool, settings: Sequence[str]
) -> list[str]:
    """Where one is named twice the last counts, so that nobody takes the socket from where it is looked for."""
    socket_dir = str(cluster.socket_dir).replace('"', '""')
    durability = () if durable else NOT_DURABLE
    every = (*SETTINGS, *settings, f'unix_socket_directories="{socket_dir}"', *durability)
    options = [part for setting in every for part in ("-c", setting)]
    tie: Tie = "exec" if sys.platform == "linux" else "guard"
    return identity.command(binaries.program("postgres"), "-D", str(cluster.folder), *options, tie=tie)
