"""`/stripe/_sandbox`: what a test, or the sandbox's clock, may do to the simulator and Stripe would never allow."""

from litestar import Router

from adapters.sandbox.stripe.controls.deliveries import DeliveryControls
from adapters.sandbox.stripe.controls.faults import FaultControls
from adapters.sandbox.stripe.controls.money import MoneyControls
from adapters.sandbox.stripe.controls.time import TimeControls

LARGEST_BODY = 10_000

controls = Router(
    "/_sandbox",
    route_handlers=[DeliveryControls, FaultControls, MoneyControls, TimeControls],
    request_max_body_size=LARGEST_BODY,
)
