-- Times are turned into positions by a search over the positions: no reader asks for this index any more.

DROP INDEX ledger.events_recorded_at_idx;
