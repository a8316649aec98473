-- Requests that named an idempotency key, and what they were answered. Deleted after 24 hours.
CREATE TABLE ops.idempotency (
    digest       bytea PRIMARY KEY,               -- keyed, of the account, the method, the path and the key
    request      bytea NOT NULL,                  -- keyed, of the body: another one under the same key is refused
    seed         uuid  NOT NULL,                  -- what is made by the request derives its ids from it: it is made once
    holder       uuid  NOT NULL,                  -- whoever carries it out
    leased_until timestamptz NOT NULL,            -- real time: until then, unless it says that it is still at it
    answer       bytea,                           -- sealed under the account's own key; null: there is none yet
    expires_at   timestamptz NOT NULL
);

CREATE INDEX idempotency_expires_at_idx ON ops.idempotency (expires_at);
