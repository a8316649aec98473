"""Metrics, as a scrape reads them."""
