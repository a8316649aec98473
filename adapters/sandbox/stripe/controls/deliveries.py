"""How the deliveries go: well, or as badly as a test wants them; which ones there are; sending one again."""

from typing import Annotated, Literal

import msgspec
from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from adapters.sandbox.stripe.books.outbox import Delivery
from adapters.sandbox.stripe.courier import Mode
from adapters.sandbox.stripe.simulation import Simulation

Status = Literal["pending", "delivered", "failed"]


class Deliveries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mode: Mode


class Pending(msgspec.Struct, frozen=True):
    pending: int


class DeliveryView(msgspec.Struct, frozen=True):
    event: str
    status: str
    attempts: int
    last_response: str | None


class DeliveryPage(msgspec.Struct, frozen=True):
    items: list[DeliveryView]
    next_cursor: str | None


class DeliveryControls(Controller):
    @put("/deliveries")
    async def set_mode(
        self, data: JSONBody[Deliveries], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> Deliveries:
        """What is left out goes back to how it normally is."""
        await simulation.courier.set_mode(data.mode)
        return Deliveries(simulation.courier.mode)

    @get("/deliveries")
    async def list_deliveries(
        self,
        simulation: NamedDependency[SkipValidation[Simulation]],
        status: FromQuery[Status | None] = None,
        cursor: FromQuery[int] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> DeliveryPage:
        """In the order in which the events were made."""
        async with simulation.books.lock:
            found = simulation.books.outbox.page(status=status, after=cursor, limit=limit + 1)
        more = str(found[limit - 1].position) if len(found) > limit else None
        return DeliveryPage([_view(delivery) for delivery in found[:limit]], more)

    @post("/deliveries/{event_id:str}/send", status_code=200)
    async def send(
        self, event_id: FromPath[str], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> DeliveryView:
        """Again and at once, also when it was dropped, is held back or has been taken already."""
        return _view(await simulation.courier.send_now(event_id))

    @get("/pending")
    async def pending(self, simulation: NamedDependency[SkipValidation[Simulation]]) -> Pending:
        """Zero once every event was taken or given up; those held back count."""
        async with simulation.books.lock:
            return Pending(simulation.books.outbox.count_pending())


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(delivery.event_id, delivery.status, delivery.attempts, delivery.last_response)
