"""Spans that nobody keeps."""
