-- Until when a customer's deliveries have been settled by asking the provider, in business time: what was told before
-- that is no news, should the provider not be there to be asked again.
ALTER TABLE ops.customer_fences ADD COLUMN asked_at timestamptz;
