"""Projections: their steps, and that batches never matter."""
