"""What can be done: use cases, the ports they need, projections and policies."""
