"""The simulated Mux as a whole: its books, its courier, and what becomes of an upload."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from adapters.sandbox.mux.errors import MuxRefusal, no_such
from adapters.sandbox.mux.files import Film, NoFilm, film_in
from adapters.sandbox.mux.shapes import MuxObject, NewUpload, asset, errored, event, ready, upload
from adapters.sandbox.stripe.books.books import Books
from adapters.sandbox.stripe.books.outbox import Delivery
from adapters.sandbox.stripe.books.store import Query
from adapters.sandbox.stripe.courier import Courier, Parcel
from adapters.sandbox.stripe.delivering import delivering
from adapters.sandbox.stripe.faults import Faults


class MuxCourier(Courier):
    """Delivers as the simulated Stripe does, signed as Mux signs."""

    def _parcel(self, delivery: Delivery) -> Parcel:
        kept = self._books.store.read("event", delivery.event_id)
        assert kept is not None, "What is queued has been kept."
        return Parcel(delivery, msgspec.json.encode(kept["body"]).decode())

    def _headers(self, body: str) -> dict[str, str]:
        at = int(self._clock().timestamp())
        signature = hmac.new(self._secret.encode(), f"{at}.{body}".encode(), "sha256").hexdigest()
        return {"Mux-Signature": f"t={at},v1={signature}", "User-Agent": "Mux-Webhooks/1.0"}


class MuxSimulation:
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
        self.courier = MuxCourier(self.books, url=webhook_url, secret=webhook_secret, clock=clock)
        self.faults = Faults()
        self._outbox = self.books.outbox if webhook_url else None
        self._base = base
        self._clock = clock

    def running(self) -> AbstractAsyncContextManager[None]:
        """Opens the books, and keeps delivering until it is left."""
        return delivering(self.books, self.courier)

    def now(self) -> int:
        """Unix seconds."""
        return int(self._clock().timestamp())

    async def create_upload(self, new: NewUpload) -> MuxObject:
        async with self._changing():
            made = self._keep(upload(new, at=self.now(), base=self._base))
            self._announce("video.upload.created", made)
            return made

    async def read_upload(self, upload_id: str) -> MuxObject:
        """Raises MuxRefusal."""
        async with self._changing():
            return self._upload(upload_id)

    async def cancel_upload(self, upload_id: str) -> MuxObject:
        """Raises MuxRefusal for one that waits no more."""
        async with self._changing():
            found = self._upload(upload_id)
            if found["status"] != "waiting":
                raise MuxRefusal(400, "invalid_parameters", f"The upload is {found['status']}.")
            return self._changed("video.upload.cancelled", found, status="cancelled")

    async def expect_upload(self, upload_id: str, secret: str) -> None:
        """Raises MuxRefusal unless bytes may come there now."""
        async with self._changing():
            found = self._upload(upload_id)
            if not hmac.compare_digest(found["_secret"].encode(), secret.encode()) or found["status"] != "waiting":
                raise MuxRefusal(403, "forbidden", "This address takes no bytes (any more).")

    async def take_in(self, upload_id: str, file: BinaryIO) -> None:
        """Raises MuxRefusal where another file came first."""
        try:
            film = film_in(file)
        except NoFilm:
            film = None
        async with self._changing():
            found = self._upload(upload_id)
            if found["status"] != "waiting":
                raise MuxRefusal(403, "forbidden", "This address takes no bytes any more.")
            made = asset(found, at=self.now())
            made["_film"] = msgspec.to_builtins(film)
            self._keep(made)
            self._changed("video.upload.asset_created", found, status="asset_created", asset_id=made["id"])
            self._announce("video.asset.created", made)
            if self.books.store.setting("finish") != "when_told":
                self._finish(made)

    async def set_finish(self, when: str) -> None:
        async with self._changing():
            self.books.store.set("finish", when)

    async def finish(self, asset_id: str) -> MuxObject:
        """What is prepared is ready, or errored. Raises MuxRefusal."""
        async with self._changing():
            found = self._need("asset", asset_id)
            return self._finish(found) if found["status"] == "preparing" else found

    async def say(self, asset_id: str, fields: MuxObject) -> MuxObject:
        """From now on it is said so of the asset. Raises MuxRefusal."""
        async with self._changing():
            return self._changed("video.asset.updated", self._need("asset", asset_id), **fields)

    async def read_asset(self, asset_id: str) -> MuxObject:
        """Raises MuxRefusal."""
        async with self._changing():
            return self._need("asset", asset_id)

    async def list_assets(self, *, upload_id: str | None, limit: int) -> list[MuxObject]:
        """The newest first."""
        async with self._changing():
            return self.books.store.newest(Query("asset", {"upload_id": upload_id} if upload_id else {}), limit=limit)

    async def delete_asset(self, asset_id: str) -> None:
        """Raises MuxRefusal."""
        async with self._changing():
            found = self._need("asset", asset_id)
            self.books.store.drop("asset", asset_id)
            self._announce("video.asset.deleted", {**found, "status": "deleted"})

    async def playable(self, playback_id: str) -> Film | None:
        """What is behind a signed playback id; None where nothing is."""
        async with self._changing():
            found = self.books.store.newest(Query("asset", {"playback_ids[0].id": playback_id}), limit=1)
        if not found or found[0]["status"] != "ready":
            return None
        return msgspec.convert(found[0]["_film"], Film)

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        """One transaction; nothing may be awaited inside."""
        async with self.books.transaction():
            yield
        self.courier.wake()

    def _upload(self, upload_id: str) -> MuxObject:
        """One that has waited for too long has ended."""
        found = self._need("upload", upload_id)
        if found["status"] == "waiting" and self.now() >= found["_created"] + found["timeout"]:
            return self._keep({**found, "status": "timed_out"})
        return found

    def _need(self, kind: str, id: str) -> MuxObject:
        found = self.books.store.read(kind, id)
        if found is None:
            raise no_such(kind)
        return found

    def _finish(self, made: MuxObject) -> MuxObject:
        if made["_film"] is None:
            return self._changed("video.asset.errored", made, **errored())
        return self._changed("video.asset.ready", made, **ready(msgspec.convert(made["_film"], Film)))

    def _changed(self, type: str, obj: MuxObject, **fields: object) -> MuxObject:
        changed = self._keep({**obj, **fields})
        self._announce(type, changed)
        return changed

    def _keep(self, obj: MuxObject) -> MuxObject:
        self.books.store.write(obj)
        return obj

    def _announce(self, type: str, obj: MuxObject) -> None:
        made = self._keep(event(type, obj, at=self.now()))
        if self._outbox is not None:
            self._outbox.queue(made["id"])
