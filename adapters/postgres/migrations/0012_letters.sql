-- One-time codes and links. What was sent is stored as a digest alone: of six digits an HMAC under a key that is not in
-- the database, with a salt; of a link's 256 random bits SHA-256.
-- Deleted two days after it was made: until then it counts for the limits.
CREATE TABLE ops.codes (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('sign_in', 'email_verification', 'email_change', 'phone_change',
                                             'password_reset', 'erasure')),
    subject    bytea NOT NULL,                    -- whom it is about: a blind index, or the bytes of an account's id
    recipient  bytea,                             -- the blind index of whom it was sent to; null: to nobody
    account_id uuid,
    salt       bytea NOT NULL,
    digest     bytea NOT NULL,
    month      text,                              -- whose key the payload is sealed under; null: the account's own
    payload    bytea,                             -- sealed; such as a new address
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    tries      integer NOT NULL DEFAULT 0,        -- of digits, good and bad
    status     text NOT NULL DEFAULT 'live' CHECK (status IN ('live', 'spent', 'ended')),
    CHECK (month IS NULL OR account_id IS NULL)
);

-- A newer one of the same kind and subject has ended the older.
CREATE UNIQUE INDEX codes_live_idx ON ops.codes (kind, subject) WHERE status = 'live';
CREATE INDEX codes_digest_idx ON ops.codes (digest) WHERE status = 'live';
CREATE INDEX codes_subject_idx ON ops.codes (kind, subject, made_at);
CREATE INDEX codes_recipient_idx ON ops.codes (kind, recipient, made_at);
CREATE INDEX codes_account_idx ON ops.codes (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX codes_made_at_idx ON ops.codes USING brin (made_at) WITH (pages_per_range = 32);

-- What people are to be told, written with what it tells of and sent by a worker.
-- `refused`: whoever carries it will not take it to this recipient; `failed`: for the operator to look at.
-- The text goes when it has been sent or given up, but in development; the row is deleted 30 days after it was written.
CREATE TABLE ops.letters (
    id         uuid PRIMARY KEY,
    channel    text NOT NULL CHECK (channel IN ('email', 'sms')),
    kind       text NOT NULL,                     -- what it is about, such as `sign_in`
    recipient  bytea NOT NULL,                    -- a blind index
    account_id uuid,
    month      text,                              -- whose key it is sealed under; null: the account's own
    sealed     bytea,                             -- to, subject and body
    written_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,              -- later it is not worth telling
    due_at     timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,        -- tries that were begun
    status     text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'refused', 'failed')),
    settled_at timestamptz,
    reference  text,                              -- how it is known to the one who carries it
    error      text,                              -- what the last failed try said, without anything personal
    CHECK (month IS NULL OR account_id IS NULL)
);

CREATE INDEX letters_due_idx ON ops.letters (due_at) WHERE status = 'waiting';
CREATE INDEX letters_failed_idx ON ops.letters (status, settled_at) WHERE status IN ('refused', 'failed');
CREATE INDEX letters_recipient_idx ON ops.letters (recipient, written_at);
CREATE INDEX letters_account_idx ON ops.letters (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX letters_written_at_idx ON ops.letters (written_at);
