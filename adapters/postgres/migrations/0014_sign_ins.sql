-- A sign-in belongs to an epoch of its account: a new password, or being disabled, begins the next one in the account's
-- standing, and so ends all that were opened before in the append itself.
ALTER TABLE ops.sessions
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,  -- their order, for lists
    ADD COLUMN epoch integer NOT NULL DEFAULT 0,
    ADD COLUMN refreshed_at timestamptz,                    -- null: not since it was opened
    ADD COLUMN reuse_recorded boolean NOT NULL DEFAULT false; -- a spent token was used again, and the ledger says so

-- The sign-in with which somebody plays: the play ends with it. Null: a stranger's, or older than this column.
ALTER TABLE ops.play_sessions ADD COLUMN sign_in_id uuid;
