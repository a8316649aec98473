"""The simulated Cloudflare Stream as a whole: its books, its courier, and what becomes of an upload."""

import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from adapters.sandbox.cloudflare.errors import StreamRefusal
from adapters.sandbox.mux.files import NoFilm, film_in
from adapters.sandbox.stripe.books.books import Books
from adapters.sandbox.stripe.books.outbox import Delivery
from adapters.sandbox.stripe.courier import Courier, Parcel
from adapters.sandbox.stripe.delivering import delivering

StreamObject = dict[str, Any]


class StreamCourier(Courier):
    """Delivers as the simulated Stripe does, signed as Cloudflare signs."""

    def _parcel(self, delivery: Delivery) -> Parcel:
        kept = self._books.store.read("event", delivery.event_id)
        assert kept is not None, "What is queued has been kept."
        return Parcel(delivery, msgspec.json.encode(kept["body"]).decode())

    def _headers(self, body: str) -> dict[str, str]:
        at = int(self._clock().timestamp())
        signature = hmac.new(self._secret.encode(), f"{at}.{body}".encode(), "sha256").hexdigest()
        return {"Webhook-Signature": f"time={at},sig1={signature}"}


class StreamSimulation:
    """Use it inside `running`. Its time is `clock`."""

    def __init__(
        self,
        *,
        store_path: Path,
        base: str,
        webhook_url: str | None,
        webhook_secret: str,
        clock: Callable[[], datetime],
    ) -> None:
        """`base` is where it is reached."""
        self.books = Books(store_path)
        self.courier = StreamCourier(self.books, url=webhook_url, secret=webhook_secret, clock=clock)
        self._outbox = self.books.outbox if webhook_url else None
        self._base, self._clock, self._folder = base, clock, store_path.parent

    def running(self) -> AbstractAsyncContextManager[None]:
        """Opens the books, and keeps delivering until it is left."""
        return delivering(self.books, self.courier)

    def now(self) -> int:
        """Unix seconds."""
        return int(self._clock().timestamp())

    async def create(self, creator: str | None, *, length: int | None = None) -> StreamObject:
        """A video that waits for its file, which has `length` bytes where it comes in pieces; where that is sent."""
        uid = secrets.token_hex(16)
        async with self._changing():
            status = {"state": "pendingupload", "pctComplete": "0.000000"}
            self._keep(
                {
                    "object": "video",
                    "_created": self.now(),
                    "id": uid,
                    "creator": creator,
                    "status": status,
                    "_length": length,
                }
            )
        return {"uid": uid, "uploadURL": f"{self._base}/upload/{uid}"}

    async def read(self, uid: str) -> StreamObject:
        """Raises StreamRefusal."""
        async with self._changing():
            return _shown(self._need(uid))

    async def delete(self, uid: str) -> None:
        """Raises StreamRefusal."""
        async with self._changing():
            self._need(uid)
            self.books.store.drop("video", uid)

    async def pieces(self, uid: str) -> tuple[int, int]:
        """How many bytes came, and are to come in all. Raises StreamRefusal."""
        async with self._changing():
            found = self._need(uid)
        if found["_length"] is None:
            raise StreamRefusal(404, 10_003, "Not Found")
        part = self.part(uid)
        return part.stat().st_size if part.exists() else 0, int(found["_length"])

    def part(self, uid: str) -> Path:
        """Where the pieces of a file are put together."""
        return self._folder / f"{uid}.part"

    async def take_in(self, uid: str, file: BinaryIO) -> None:
        """Raises StreamRefusal where another file came first."""
        async with self._changing():
            found = self._need(uid)
            if found["status"]["state"] != "pendingupload":
                raise StreamRefusal(409, 10_005, "The upload is done.")
            self._keep({**found, "_outcome": _outcome(file), "status": {"state": "inprogress", "pctComplete": "10.0"}})
            if self.books.store.setting("finish") != "when_told":
                self._finish(self._need(uid))

    async def set_finish(self, when: str) -> None:
        async with self._changing():
            self.books.store.set("finish", when)

    async def finish(self, uid: str) -> None:
        """What is prepared is ready, or failed. Raises StreamRefusal."""
        async with self._changing():
            self._finish(self._need(uid))

    def _finish(self, found: StreamObject) -> None:
        done = self._keep({**found, **found["_outcome"]})
        made: StreamObject = {
            "object": "event",
            "_created": self.now(),
            "id": secrets.token_hex(16),
            "body": _shown(done),
        }
        self._keep(made)
        if self._outbox is not None:
            self._outbox.queue(made["id"])

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        """One transaction; nothing may be awaited inside."""
        async with self.books.transaction():
            yield
        self.courier.wake()

    def _need(self, uid: str) -> StreamObject:
        found = self.books.store.read("video", uid)
        if found is None:
            raise StreamRefusal(404, 10_003, "Not Found")
        return found

    def _keep(self, obj: StreamObject) -> StreamObject:
        if obj["object"] == "video":
            obj = {**obj, "modified": datetime.fromtimestamp(self.now(), UTC).isoformat()}
        self.books.store.write(obj)
        return obj


def _outcome(file: BinaryIO) -> StreamObject:
    try:
        film = film_in(file)
    except NoFilm:
        text = "The file was not recognized as a valid video file."
        return {"status": {"state": "error", "errorReasonCode": "ERR_NON_VIDEO", "errorReasonText": text}}
    return {
        "status": {"state": "ready", "pctComplete": "100.000000", "errorReasonCode": "", "errorReasonText": ""},
        "readyToStream": True,
        "duration": film.seconds,
        "input": {"width": film.width, "height": film.height},
    }


def _shown(video: StreamObject) -> StreamObject:
    kept = {name: value for name, value in video.items() if name not in {"object", "id"} and not name.startswith("_")}
    return {"uid": video["id"], "readyToStream": False, "duration": -1, "requireSignedURLs": True, **kept}
