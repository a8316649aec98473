"""The ledger on PostgreSQL: the eventsourcing library's recorder, extended, and the engine of the read models."""
