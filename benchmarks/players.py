"""The servers that playback and the catalogue are asked of: ours, its two peers, and a constant."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from psycopg.conninfo import conninfo_to_dict

from benchmarks.audience import Audience, seat
from benchmarks.peers.tables import fill
from benchmarks.serving import API, PEERS, Served, for_asyncpg, serving
from benchmarks.viewing import ISSUER, JWT_SECRET
from benchmarks.workbench import Workbench

VIEWERS_MAX = 20_000
KEY_BITS = 2_048
THREADS = 8
"""Of gunicorn, to a process."""

HERE = Path(__file__).parent / "peers"
NEVER_TWICE = (sys.executable, "-m", "benchmarks.fresh_signatures", "api", "--fd", "{fd}")
BARE = (sys.executable, "-m", "benchmarks.peers.bare_litestar", "{fd}")
GUNICORN = ("-m", "gunicorn", "--bind", "fd://{fd}", "--worker-class", "gthread", "--threads", str(THREADS))

NO_THROTTLES = {f"THROTTLE_{name}": "900000/1m" for name in ("LOGIN_PEER", "LOGIN_ACCOUNT", "LOGIN_FAMILIAR")}


def audience_of(accounts: int, *, stream_limit: int | None = None) -> Audience:
    """100,000 accounts have 1,000 films, and 20,000 of them are signed in."""
    viewers = min(accounts, VIEWERS_MAX)
    return Audience(accounts, videos=max(1, accounts // 100), viewers=viewers, stream_limit=stream_limit)


@dataclass(frozen=True)
class Players:
    """The servers, on the databases of a run that hold an audience."""

    bench: Workbench
    audience: Audience

    async def our_database(self) -> str:
        limited = "_limited" if self.audience.stream_limit else ""
        name = f"streamly_of_{self.audience.accounts}{limited}"
        return await self.bench.filled(name, lambda dsn: seat(dsn, self.audience))

    async def peers_database(self) -> str:
        name = f"peers_of_{self.audience.accounts}"
        return await self.bench.filled(name, lambda dsn: asyncio.to_thread(fill, dsn, self.audience))

    @contextmanager
    def streamly(self, dsn: str, *, processes: int = 1, command: Sequence[str] = API) -> Iterator[Served]:
        """Which logs each request to a file; Mux's tokens are signed by a key that it makes itself."""
        environment = {
            "ENV": "development",
            "DATABASE_URL": dsn,
            "DATA_DIR": str(self.bench.folder / "streamly"),
            "JWT_SECRET": JWT_SECRET,
            "PUBLIC_URL": ISSUER,
            "VIDEO_PLATFORM": "mux",
            **NO_THROTTLES,
        }
        with serving(command, self._log("streamly"), environment, ready="/health/live", processes=processes) as served:
            yield served

    @contextmanager
    def bare_litestar(self) -> Iterator[Served]:
        with serving(BARE, self._log("bare"), {}, ready="/v1/alive") as served:
            yield served

    @contextmanager
    def fastapi(self, dsn: str, *, processes: int = 1) -> Iterator[Served]:
        program, key = str(HERE / "fastapi_service.py"), str(self._signing_key())
        command = [str(PEERS), program, for_asyncpg(dsn), JWT_SECRET, key, "{fd}"]
        with serving(command, self._log("fastapi"), {}, ready="/openapi.json", processes=processes) as served:
            yield served

    @contextmanager
    def django(self, dsn: str) -> Iterator[Served]:
        place = {f"PEER_DATABASE_{name.upper()}": str(value) for name, value in conninfo_to_dict(dsn).items()}
        environment = {"PEER_JWT_SECRET": JWT_SECRET, "PEER_SIGNING_KEY_FILE": str(self._signing_key())}
        command = [str(PEERS), *GUNICORN, "benchmarks.peers.django_service.wsgi"]
        with serving(command, self._log("django"), environment | place, ready="/alive") as served:
            yield served

    def _log(self, name: str) -> Path:
        """A file of its own to each start."""
        return self.bench.folder / f"{name}-{len(list(self.bench.folder.glob(f'{name}-*.log')))}.log"

    def _signing_key(self) -> Path:
        """The same for both peers."""
        path = self.bench.folder / "signing_key.pem"
        if not path.exists():
            key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
            path.touch(mode=0o600)
            path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path
