"""What goes wrong at Stripe: faults of its API, and events that it never makes."""

from typing import Annotated

import msgspec
from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from adapters.sandbox.stripe.api.routes import knows
from adapters.sandbox.stripe.books.identifiers import new_id
from adapters.sandbox.stripe.errors import StripeRefusal
from adapters.sandbox.stripe.faults import Planned
from adapters.sandbox.stripe.shapes import StripeObject, public
from adapters.sandbox.stripe.shapes.events import generation_failure_resolved
from adapters.sandbox.stripe.simulation import Simulation


class PlannedFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    faults: Planned


class Suppressed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event types that are not made from now on; `*` means every one."""

    types: Annotated[list[str], msgspec.Meta(max_length=300)]


class FaultControls(Controller):
    @put("/faults")
    async def set_faults(
        self, data: JSONBody[PlannedFaults], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> PlannedFaults:
        """In place of those that were still to come. Refused where one can concern no request."""
        for fault in data.faults:
            if not knows(fault.verb, fault.path):
                at = f"{fault.verb or 'any verb'}: {fault.path}"
                raise StripeRefusal(f"There is nothing at {at}; a path is below /v1, as /subscriptions.", param="path")
        simulation.faults.planned = list(data.faults)
        return data

    @get("/faults")
    async def list_faults(self, simulation: NamedDependency[SkipValidation[Simulation]]) -> PlannedFaults:
        """Those that are still to come."""
        return PlannedFaults(simulation.faults.planned)

    @put("/events/suppressed")
    async def suppress(
        self, data: JSONBody[Suppressed], simulation: NamedDependency[SkipValidation[Simulation]]
    ) -> Suppressed:
        """They will be neither delivered nor listed, ever."""
        async with simulation.moment() as moment:
            moment.suppress(data.types)
        return data

    @post("/events/generation_failure_resolved", status_code=200)
    async def resolve(self, simulation: NamedDependency[SkipValidation[Simulation]]) -> StripeObject:
        """Everything is made again, and the thin health event that says so is on its way; answers it."""
        async with simulation.moment() as moment:
            moment.suppress([])
            notice = moment.keep(generation_failure_resolved(new_id("evt"), at=moment.at))
            if moment.outbox is not None:
                moment.outbox.queue(notice["id"])
        return public(notice)
