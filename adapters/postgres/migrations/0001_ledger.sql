-- The ledger: one row to a fact, never changed. The columns that the eventsourcing library knows come first.

CREATE SCHEMA ledger;

CREATE TABLE ledger.events (
    originator_id      uuid   NOT NULL,           -- the stream
    originator_version bigint NOT NULL,           -- the fact's place in its stream, from 1
    topic              text   NOT NULL,           -- the fact's tag
    state              bytea  NOT NULL,           -- the fact as JSON, personal fields encrypted: what proofs cover
    notification_id    bigint NOT NULL,           -- the position: 1, 2, 3 ... without gaps, given under the ledger's lock
    recorded_at        timestamptz NOT NULL,      -- business time; never runs back
    account_id         uuid,                      -- whom the fact is about, if anybody
    PRIMARY KEY (originator_id, originator_version)
) WITH (
    -- Nothing is ever updated or deleted, so that only freezing and the visibility map need VACUUM.
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_analyze_scale_factor = 0.02
);

CREATE UNIQUE INDEX events_notification_id_idx ON ledger.events (notification_id);
CREATE INDEX events_account_idx ON ledger.events (account_id, notification_id) WHERE account_id IS NOT NULL;
CREATE INDEX events_topic_idx ON ledger.events (topic, notification_id);
CREATE INDEX events_recorded_at_idx ON ledger.events USING brin (recorded_at) WITH (pages_per_range = 32);

-- For accidents; against an attacker there are the roles and the sealed log.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- How far each read model is, one row to a generation; the live one is the one that is read.
CREATE TABLE ledger.read_models (
    name       text    NOT NULL,
    generation integer NOT NULL,
    version    integer NOT NULL,                  -- of the projection's steps
    live       boolean NOT NULL,
    position   bigint  NOT NULL,
    trouble    text,                              -- the fact that it stopped at, and why; null while it is well
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, generation)
);

CREATE UNIQUE INDEX read_models_live_idx ON ledger.read_models (name) WHERE live;

-- How far each policy has come.
CREATE TABLE ledger.policies (
    name     text   PRIMARY KEY,
    position bigint NOT NULL
);

-- The views that readers use; each shows the live generation of its table.
CREATE SCHEMA read;
