"""The providers, simulated over loopback HTTP, so that their real SDKs have somebody to talk to without keys."""
