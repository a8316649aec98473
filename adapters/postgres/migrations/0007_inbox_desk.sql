-- What the operators of the inbox need: listings that are quick in an inbox of any length, deliveries that do not say
-- whom they are about, a provider that wants to be left alone, and sweeps.

-- A delivery without a customer may have to be settled all the same: the worker finds out whom it is about.
ALTER TABLE ops.inbox DROP CONSTRAINT inbox_check;

CREATE INDEX inbox_status_idx ON ops.inbox (status, id);
CREATE INDEX inbox_unnamed_idx ON ops.inbox (due_at) WHERE status = 'received' AND customer_id IS NULL;
CREATE INDEX customer_fences_leased_idx ON ops.customer_fences (leased_until) WHERE leased_until IS NOT NULL;

-- The last sweep that asked about this customer to its end.
ALTER TABLE ops.customer_fences ADD COLUMN swept_by bigint;

-- Until when a provider that had too many questions is asked none by the workers. One row to a provider, for ever.
CREATE TABLE ops.provider_pauses (
    provider text PRIMARY KEY,
    until    timestamptz NOT NULL,
    seconds  double precision NOT NULL            -- of the last pause, before chance was added to it
);

-- Sweeps: asking the provider though nothing came. Of each kind one is under way, and another one may wait for it.
-- Deleted 400 days after it was asked for.
CREATE TABLE ops.sweeps (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('undelivered', 'customers')),
    cause        text NOT NULL,                   -- `schedule`, or who asked for it
    status       text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'under_way', 'done', 'failed')),
    requested_at timestamptz NOT NULL DEFAULT now(),
    begun_at     timestamptz,
    finished_at  timestamptz,
    head         bigint NOT NULL DEFAULT 0,       -- the ledger's, when it began: what it repaired lies beyond
    reached      text,                            -- where it goes on when its worker was killed; null: at the beginning
    examined     bigint NOT NULL DEFAULT 0,       -- events looked at, or customers asked about
    kept         bigint NOT NULL DEFAULT 0,       -- events that were not in the inbox yet
    troubles     bigint NOT NULL DEFAULT 0,       -- customers about whom nothing could be settled
    repaired     json NOT NULL DEFAULT '{}',      -- the positions of the facts it recorded, by account, of the first 1,000
    repairs      bigint NOT NULL DEFAULT 0,       -- accounts repaired, all of them
    error        text,                            -- why it stands still, or why it failed
    holder       uuid,
    leased_until timestamptz                      -- real time: nobody takes it before
);

CREATE UNIQUE INDEX sweeps_open_idx ON ops.sweeps (kind, status) WHERE status IN ('requested', 'under_way');
CREATE INDEX sweeps_kind_idx ON ops.sweeps (kind, requested_at);
