-- Work that outlives the process that asked for it.

CREATE SCHEMA jobs;

-- One row to a video that waits to be transcoded or is being transcoded. Deleted when it is done: what came of it is on
-- the ledger. A failed one stays, with its error, until it is deferred again.
CREATE TABLE jobs.transcodes (
    video_id  uuid PRIMARY KEY,
    status    text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'working', 'failed')),
    due_at    timestamptz NOT NULL DEFAULT now(), -- queued: not taken before; working: taken by somebody else after
    holder    uuid,                               -- names the try under way; whoever tries later has another name
    again     boolean NOT NULL DEFAULT false,     -- deferred once more since the try began
    attempts  integer NOT NULL DEFAULT 0,         -- tries begun
    progress  real,                               -- 0 to 1
    error     text,                               -- of the last try that failed
    queued_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT whoever_works_has_a_name CHECK ((status = 'working') = (holder IS NOT NULL))
);

CREATE INDEX transcodes_due_idx ON jobs.transcodes (due_at) WHERE status <> 'failed';
