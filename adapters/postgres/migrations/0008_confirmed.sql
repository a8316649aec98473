-- Until when a customer's deliveries have been settled by asking the provider, in business time: what was told before
-- that is no news, should the provider not be there to be asked again.
ALTER TABLE ops.customer_fences ADD COLUMN asked_at timestamptz;

-- Which payments and invoices of the provider are whose: a refund or a dispute names its payment, and not its customer.
-- Kept with the append that first saw them; deleted with the account.
CREATE TABLE ops.customer_objects (
    provider    text NOT NULL,
    reference   text NOT NULL,
    customer_id text NOT NULL,
    PRIMARY KEY (provider, reference)
);
CREATE INDEX customer_objects_customer_idx ON ops.customer_objects (provider, customer_id);
