"""A Stripe that runs on this machine: the real SDK talks to it, and it answers in the pinned version's shapes.

    simulator = stripe_simulator(store_path=..., public_url="http://127.0.0.1:8001", webhook_url=..., ...)
    app = create_sandbox_app([simulator])
    stripe.StripeClient("sk_test_x", base_addresses={"api": "http://127.0.0.1:8001/stripe"}, max_network_retries=2)

Beside the API (`/stripe/v1`) there are the hosted pages (`/stripe/checkout/{session}`, `/stripe/portal/{secret}`) and
controls for tests (`/stripe/_sandbox`). docs/sandbox.md says what is played and what is not.
"""

from adapters.sandbox.stripe.simulator import stripe_simulator

__all__ = ["stripe_simulator"]
