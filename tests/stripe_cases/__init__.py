"""Sequences of Stripe deliveries from real bugs, played over HTTP to the whole service; README.md has their format."""
