"""The HTTP API: Litestar at the edge, one controller to a resource, every error a problem+json."""
