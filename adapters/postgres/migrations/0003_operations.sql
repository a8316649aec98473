-- The operational tables: what is neither a fact nor follows from facts.
--
-- Nothing here can be rebuilt from the ledger, so all of it is backed up with it. Each table says how long its rows
-- stay; what is said to be deleted after a time is deleted by adapters/postgres/retention.py, by the database's clock.
-- Times are real time but where business time is named.

CREATE SCHEMA ops;

-- Who holds what there may be only one of: an e-mail address, a provider's customer, a provider's price.
-- Written with the append; stays until it is released or its owner is erased.
CREATE TABLE ops.claims (
    kind        text  NOT NULL,                   -- `email`, `stripe_customer`, `stripe_price`
    blind_index bytea NOT NULL,                   -- a keyed digest: equal values meet, and show nothing
    owner       uuid  NOT NULL,                   -- the account, or the plan of a price
    claimed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, blind_index)
);

CREATE INDEX claims_owner_idx ON ops.claims (owner);

-- What an account's password is checked against. Stays as long as the account.
CREATE TABLE ops.credentials (
    account_id    uuid PRIMARY KEY,
    password_hash text NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now()
);

-- Where somebody is signed in. Deleted 30 days after it would have ended by itself.
CREATE TABLE ops.sessions (
    session_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,              -- later with each refresh
    ended_at   timestamptz                        -- signed out, or a spent token was used again
);

CREATE INDEX sessions_account_idx ON ops.sessions (account_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_expires_at_idx ON ops.sessions (expires_at);

-- The refresh tokens of a session, one of them unspent. Deleted when they are over.
CREATE TABLE ops.refresh_tokens (
    digest     bytea PRIMARY KEY,                 -- SHA-256: the token itself is kept nowhere
    session_id uuid  NOT NULL REFERENCES ops.sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at   timestamptz
);

CREATE INDEX refresh_tokens_session_idx ON ops.refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at_idx ON ops.refresh_tokens (expires_at);

-- What providers sent us, each delivery once, committed before it is answered.
-- Deleted 90 days after it came when it is done, 400 days after it came otherwise.
CREATE TABLE ops.inbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider    text NOT NULL,
    event_id    text NOT NULL,
    type        text NOT NULL,
    customer_id text,                             -- whom to ask the provider about; null: nobody, and then it is done
    livemode    boolean NOT NULL,
    api_version text,
    created_at  timestamptz NOT NULL,             -- business time: when the provider says that it happened
    received_at timestamptz NOT NULL,             -- business time
    kept_at     timestamptz NOT NULL DEFAULT now(),
    month       text NOT NULL,                    -- whose key the body is sealed under, such as 2026-11
    body        bytea,                            -- sealed; null once the person that it is about has been erased
    status      text NOT NULL CHECK (status IN ('received', 'done', 'parked', 'failed')),
    attempts    integer NOT NULL DEFAULT 0,       -- the tries that failed
    due_at      timestamptz NOT NULL DEFAULT now(),
    look_again_at timestamptz,                    -- of a parked one: when it is looked at again, though nobody was bound
    settled_at  timestamptz,                      -- business time
    error       text,                             -- why it is parked, or what the last failed try said
    UNIQUE (provider, event_id),
    CHECK (customer_id IS NOT NULL OR status = 'done')
);

CREATE INDEX inbox_due_idx ON ops.inbox (due_at) WHERE status = 'received';
CREATE INDEX inbox_look_again_idx ON ops.inbox (look_again_at) WHERE status = 'parked';
CREATE INDEX inbox_unsettled_idx ON ops.inbox (provider, customer_id, id) WHERE status <> 'done';
CREATE INDEX inbox_kept_at_idx ON ops.inbox USING brin (kept_at) WITH (pages_per_range = 32);

-- Who asks a provider about a customer right now: whoever took the highest epoch may record what it was told.
-- A row stays for ever, since an epoch must never come again.
CREATE TABLE ops.customer_fences (
    provider    text   NOT NULL,
    customer_id text   NOT NULL,
    epoch       bigint NOT NULL,
    holder      uuid,                             -- the worker that is asking the provider right now,
    leased_until timestamptz,                     -- unless it was killed: real time
    PRIMARY KEY (provider, customer_id)
);

-- Who plays what, and how far they are, in business time. Also where a video is resumed, hence its long life:
-- deleted 400 days after it started, a stranger's after 7 days.
CREATE TABLE ops.play_sessions (
    session_id       uuid PRIMARY KEY,
    account_id       uuid,                        -- null: a stranger, watching what is free
    video_id         uuid NOT NULL,
    device_id        text,
    started_at       timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    position_seconds double precision NOT NULL,
    ended_at         timestamptz
)
-- Every heartbeat updates a row, and no column that it changes is indexed: with room on the page no index is touched.
WITH (fillfactor = 80);

CREATE INDEX play_sessions_account_idx ON ops.play_sessions (account_id, video_id) WHERE account_id IS NOT NULL;
CREATE INDEX play_sessions_started_at_idx ON ops.play_sessions USING brin (started_at) WITH (pages_per_range = 32);

-- How far business time is ahead of real time; moved in the sandbox alone. One row, for ever.
CREATE TABLE ops.business_clock (
    the_one        boolean PRIMARY KEY DEFAULT true CHECK (the_one),
    offset_seconds double precision NOT NULL DEFAULT 0
);

INSERT INTO ops.business_clock DEFAULT VALUES;

-- Written to by the health check, since a database that can be read may still refuse to be written. One row, for ever.
CREATE TABLE ops.write_check (
    the_one    boolean PRIMARY KEY DEFAULT true CHECK (the_one),
    written_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO ops.write_check DEFAULT VALUES;
