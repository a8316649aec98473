"""Stripe through its own SDK: what is asked of it, what it answers, and the events that it signs."""
