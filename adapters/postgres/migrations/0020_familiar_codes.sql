-- What is asked for from a network from which a number has signed in before is counted and ended apart from what strangers
-- ask for, and so are the tries: nobody who knows a number alone ends its owner's code.
ALTER TABLE ops.codes
    ADD COLUMN is_familiar boolean NOT NULL DEFAULT false,      -- asked for from such a network
    ADD COLUMN familiar_tries integer NOT NULL DEFAULT 0;       -- from such networks; `tries` are all others

DROP INDEX ops.codes_live_idx;
CREATE UNIQUE INDEX codes_live_idx ON ops.codes (kind, subject, is_familiar) WHERE status = 'live';
