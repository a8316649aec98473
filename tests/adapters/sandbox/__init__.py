"""The simulated providers, under the real SDKs."""
