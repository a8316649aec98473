"""The ledger on PostgreSQL, beyond what its contract says."""
