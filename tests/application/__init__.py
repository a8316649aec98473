"""The use cases, on a ledger and on adapters in memory."""
