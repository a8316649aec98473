"""Who asks: HTTP, the command line and the worker, wired in one place."""
