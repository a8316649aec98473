"""Settings, wiring and the worker."""
