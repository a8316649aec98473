-- Read models of which several generations are kept in step, and swapped without a lock that a reader could hold up.

ALTER TABLE ledger.read_models
    ADD COLUMN state text,
    ADD COLUMN inline boolean NOT NULL DEFAULT false,    -- written inside the append: what follows it is at the head
    ADD COLUMN kept_since timestamptz,                   -- of a kept one: since when it is not the live one any more
    ADD COLUMN rebuild_requested_at timestamptz,         -- of the live one: a worker rebuilds it, and forgets this then
    ADD COLUMN rebuild_error text;                       -- of the live one: why a worker gave up what was last asked for

UPDATE ledger.read_models SET state = CASE WHEN live THEN 'live' ELSE 'building' END;

ALTER TABLE ledger.read_models
    ALTER COLUMN state SET NOT NULL,
    ADD CONSTRAINT a_known_state CHECK (state IN ('building', 'live', 'kept')),
    DROP COLUMN live;

CREATE UNIQUE INDEX read_models_live_idx ON ledger.read_models (name) WHERE state = 'live';

-- The last number that was given, whatever has become of it: a reader that has not heard that a generation was dropped
-- must not find another under its name.
CREATE TABLE ledger.generation_numbers (
    name text PRIMARY KEY,
    last integer NOT NULL
);

INSERT INTO ledger.generation_numbers SELECT name, max(generation) FROM ledger.read_models GROUP BY name;

-- Readers name the generation's own tables: to change what a view shows waits for all who read it, and stops all
-- who want to.
DROP SCHEMA read CASCADE;

-- For queries that decide about access: one that names a generation from before a swap fails, as if its tables had gone
-- already, and is put again to the live one. Nothing is decided by what might not be kept in step any more.
CREATE FUNCTION ledger.still_live(name text, generation integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger.read_models AS known
               WHERE known.name = $1 AND known.generation = $2 AND known.state = 'live') THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION '% is not the live generation of % any more', $2, $1 USING ERRCODE = 'undefined_table';
END $$;
