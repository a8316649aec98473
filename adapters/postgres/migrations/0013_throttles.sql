-- How often somebody has tried something lately, by GCRA: `tat` is when all tries would be there again. Nothing of it is
-- worth the disk's time: what a crash takes is some patience. Deleted when `tat` has passed.
CREATE UNLOGGED TABLE ops.throttles (
    digest bytea PRIMARY KEY,                     -- keyed, of the limit's name and of whom it is about
    tat    timestamptz NOT NULL                   -- real time
)
WITH (fillfactor = 70);                           -- every try updates a row, and no column that it changes is indexed

-- From which addresses an account has been signed in to. Deleted when it is over.
CREATE TABLE ops.familiar (
    digest     bytea PRIMARY KEY,                 -- keyed, of the account's address and of the network's
    expires_at timestamptz NOT NULL
);

CREATE INDEX familiar_expires_at_idx ON ops.familiar (expires_at);
