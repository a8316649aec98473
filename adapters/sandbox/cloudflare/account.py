"""The one account that the simulated Cloudflare has, and the one signing key."""

ACCOUNT_ID = "simulated"
API_TOKEN = "simulated"  # noqa: S105 - the simulator's own, good for nothing else
SIGNING_KEY_ID = "simulated"
