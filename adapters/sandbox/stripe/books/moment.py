"""One moment of business time: all that is read, written and announced at it, within one transaction."""

from dataclasses import dataclass

import msgspec

from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.books.outbox import Outbox
from adapters.sandbox.stripe.books.store import Due, Query, Store
from adapters.sandbox.stripe.errors import no_such
from adapters.sandbox.stripe.shapes import StripeObject, differences, public
from adapters.sandbox.stripe.shapes.events import event

AT_MOST = 1_000


@dataclass(frozen=True)
class Cause:
    """The API call behind what happens: none where time, or a person on the hosted page, made it happen."""

    request_id: str | None = None
    idempotency_key: str | None = None


BY_ITSELF = Cause()


@dataclass(frozen=True)
class Moment:
    """`at` is in Unix seconds and stands on everything made here; `outbox` is None when nobody listens for events."""

    at: int
    store: Store
    outbox: Outbox | None
    public_url: str
    cause: Cause = BY_ITSELF

    def find(self, kind: str, id: str) -> StripeObject | None:
        return self.store.read(kind, id)

    def need(self, kind: str, id: str, *, param: str = "id", status: int = 404) -> StripeObject:
        """The object, or Stripe's refusal: 404 for what the URL names, 400 for what a parameter names."""
        obj = self.store.read(kind, id)
        if obj is None:
            raise no_such(kind, id, param=param, status=status)
        return obj

    def all(self, kind: str, **where: str) -> list[StripeObject]:
        """The newest first."""
        return self.store.newest(Query(kind, where), limit=AT_MOST)

    def keep(self, obj: StripeObject) -> StripeObject:
        self.store.write(obj)
        return obj

    def change(self, obj: StripeObject, **fields: object) -> StripeObject:
        return self.keep({**obj, **fields})

    def drop(self, obj: StripeObject) -> None:
        self.store.drop(obj["object"], obj["id"])

    def announce(self, type: str, obj: StripeObject, *, before: StripeObject | None = None) -> None:
        """Makes the event of this type; given `before`, only where the two differ, and saying in what."""
        if self._is_suppressed(type):
            return
        previous = differences(public(before), public(obj)) if before is not None else None
        if before is not None and not previous:
            return
        made = event(
            new_id("evt"),
            at=self.at,
            type=type,
            obj=public(obj),
            previous=previous,
            request=(self.cause.request_id, self.cause.idempotency_key),
        )
        self.keep(made)
        if self.outbox is not None:
            self.outbox.queue(made["id"])

    def suppress(self, types: list[str]) -> None:
        """Events of these types (`*`: of all) are not made from now on."""
        self.store.set("suppressed", msgspec.json.encode(types).decode() if types else None)

    def _is_suppressed(self, type: str) -> bool:
        kept = self.store.setting("suppressed")
        types = msgspec.json.decode(kept, type=list[str]) if kept else []
        return "*" in types or type in types

    def plan(self, what: str, obj: StripeObject, *, at: int) -> None:
        self.store.plan(Due(at, what, obj["id"]))

    def forget_plans(self, obj: StripeObject) -> None:
        self.store.forget_plans(obj["id"])
