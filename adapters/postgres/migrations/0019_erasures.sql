-- Persons who are to be erased, or have been. Inserted by the append of the wish; stays for ever, since after a backup
-- has been restored they are to be erased again. It holds ids alone.
CREATE TABLE ops.erasures (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL UNIQUE,
    status       text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'erased')),
    due_at       timestamptz NOT NULL DEFAULT now(), -- real time: nobody takes it before
    attempts     integer NOT NULL DEFAULT 0,         -- tries that were begun
    error        text                                -- the kind of trouble that the last try had, and none of its words
);

CREATE INDEX erasures_due_idx ON ops.erasures (due_at) WHERE status = 'requested';

-- The provider's customers that were erased persons': what comes about them is kept without its body.
CREATE TABLE ops.erased_customers (
    provider    text NOT NULL,
    customer_id text NOT NULL,
    PRIMARY KEY (provider, customer_id)
);

-- All deliveries about a customer, to export them and to erase their bodies.
CREATE INDEX inbox_customer_idx ON ops.inbox (provider, customer_id, id) WHERE body IS NOT NULL;

-- Whose answer it is: it goes with them.
ALTER TABLE ops.idempotency ADD COLUMN account_id uuid;
CREATE INDEX idempotency_account_idx ON ops.idempotency (account_id) WHERE account_id IS NOT NULL;

-- To delete all sessions of an account, those that have ended too.
DROP INDEX ops.sessions_account_idx;
CREATE INDEX sessions_account_idx ON ops.sessions (account_id);
