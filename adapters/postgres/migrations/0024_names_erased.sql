-- Of a delivery of which nobody knew whose it was, and which names somebody who has been erased since: what was still to
-- be settled then, since it may tell of money, loses its body as soon as it has been.
ALTER TABLE ops.inbox ADD COLUMN names_erased boolean NOT NULL DEFAULT false;
CREATE INDEX inbox_names_erased_idx ON ops.inbox (id) WHERE names_erased AND body IS NOT NULL;
