-- A video whose last try had failed stayed in processing for ever: it has its tries once more, and is given up on the
-- ledger if they fail too.
UPDATE jobs.transcodes SET status = 'queued', attempts = 0, due_at = now() WHERE status = 'failed';
