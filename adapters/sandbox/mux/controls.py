"""`/mux/_sandbox`: what a test may do to the simulator and Mux would never allow."""

from typing import Literal

import msgspec
from litestar import Controller, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from adapters.sandbox.mux.errors import MuxRefusal
from adapters.sandbox.mux.shapes import MuxObject, shown
from adapters.sandbox.mux.simulation import MuxSimulation
from adapters.sandbox.stripe.controls.deliveries import DeliveryControls
from adapters.sandbox.stripe.faults import Planned

LARGEST_BODY = 10_000

GivenSimulation = NamedDependency[SkipValidation[MuxSimulation]]


class PlannedFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    faults: Planned


class Finishing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    finish: Literal["at_once", "when_told"]


class AssetControls(Controller):
    @put("/assets")
    async def set_finish(self, data: JSONBody[Finishing], simulation: GivenSimulation) -> Finishing:
        """When an asset is ready, or errored."""
        await simulation.set_finish(data.finish)
        return data

    @post("/assets/{asset_id:str}/finish", status_code=200)
    async def finish(self, asset_id: FromPath[str], simulation: GivenSimulation) -> MuxObject:
        return shown(await simulation.finish(asset_id))

    @put("/assets/{asset_id:str}")
    async def say(self, asset_id: FromPath[str], data: JSONBody[MuxObject], simulation: GivenSimulation) -> MuxObject:
        """These fields of it are from now on what they are here, whatever Mux could say of it."""
        return shown(await simulation.say(asset_id, data))


class FaultControls(Controller):
    @put("/faults")
    async def set_faults(self, data: JSONBody[PlannedFaults], simulation: GivenSimulation) -> PlannedFaults:
        """In place of those that were still to come."""
        if any(fault.after or fault.should_retry is not None for fault in data.faults):
            raise MuxRefusal(400, "invalid_parameters", "`after` and `should_retry` are Stripe's alone.")
        simulation.faults.planned = list(data.faults)
        return data

    @get("/faults")
    async def list_faults(self, simulation: GivenSimulation) -> PlannedFaults:
        """Those that are still to come."""
        return PlannedFaults(simulation.faults.planned)


controls = Router(
    "/_sandbox", route_handlers=[AssetControls, DeliveryControls, FaultControls], request_max_body_size=LARGEST_BODY
)
