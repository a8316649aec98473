"""The Stripe adapter, against the simulator over HTTP and against a server that misbehaves."""
