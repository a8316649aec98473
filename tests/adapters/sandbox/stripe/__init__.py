"""The simulated Stripe, under the real stripe-python."""
