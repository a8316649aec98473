-- How fast each provider is asked, by all processes together. In the place of pauses, in which nobody was asked at all.
DROP TABLE ops.provider_pauses;

-- One row to a provider, for ever. Nothing of it is worth the disk's time: after a crash the rate is learned anew.
CREATE UNLOGGED TABLE ops.paces (
    provider   text PRIMARY KEY,
    next_at    timestamptz NOT NULL,              -- real time: the turn of the next request
    per_second double precision NOT NULL,         -- at slowed_at; more since
    slowed_at  timestamptz NOT NULL               -- when the provider had too many requests
)
WITH (fillfactor = 10);                           -- every request updates the row, and no column that it changes is indexed
