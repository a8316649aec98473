"""A viewer's claim on a plan, as the payment provider tells it."""
