-- What was asked of a provider and has no known outcome yet: the fact with this key on this stream says what it is.
-- Inserted by the append of that fact; deleted as soon as the outcome is on the ledger. One that has failed stays, for
-- somebody to look at.
CREATE TABLE ops.intents (
    key      text PRIMARY KEY,
    stream   uuid NOT NULL,
    due_at   timestamptz NOT NULL,                -- real time: when a janitor sees to it
    attempts integer NOT NULL DEFAULT 0,          -- of janitors, that failed
    failed   boolean NOT NULL DEFAULT false,      -- its tries are used up
    error    text                                 -- what the last failed try said
);

CREATE INDEX intents_due_idx ON ops.intents (due_at) WHERE NOT failed;
