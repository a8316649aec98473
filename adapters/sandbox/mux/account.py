"""The one account that the simulated Mux has, and the one signing key."""

TOKEN_ID = "simulated"  # noqa: S105 - no secret at all
TOKEN_SECRET = "simulated"  # noqa: S105 - the simulator's own, good for nothing else
SIGNING_KEY_ID = "simulated"
