"""The one account that the simulated Twilio has, and the number that it sends from."""

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "simulated"  # noqa: S105 - the simulator's own, good for nothing else
SENDER = "+15005550006"
