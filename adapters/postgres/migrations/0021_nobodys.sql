-- Deliveries of which nobody knows whose they are: whoever is erased may be named in one.
CREATE INDEX inbox_nobodys_idx ON ops.inbox (id) WHERE customer_id IS NULL AND body IS NOT NULL;
