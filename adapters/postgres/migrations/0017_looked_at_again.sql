-- Of a delivery that is parked since nobody can say whose it is: the provider's ids of what it names. As soon as one of
-- them is known to be somebody's, it is looked at again.
ALTER TABLE ops.inbox ADD COLUMN naming text[];
CREATE INDEX inbox_naming_idx ON ops.inbox USING gin (naming) WHERE status = 'parked' AND customer_id IS NULL;

-- Customers whom a sweep was told of, and who are bound to no account.
ALTER TABLE ops.sweeps ADD COLUMN passed_over bigint NOT NULL DEFAULT 0;
