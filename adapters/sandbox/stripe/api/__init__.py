"""Stripe's REST API, version 1, as far as the simulator answers it: requests in, objects or refusals out."""
