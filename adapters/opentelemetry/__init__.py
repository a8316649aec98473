"""Spans for a collector that speaks OTLP: the extra `traces`."""
