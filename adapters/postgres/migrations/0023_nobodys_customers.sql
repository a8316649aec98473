-- Nor is it known whose those are whose customer is bound to no account: they are parked.
DROP INDEX ops.inbox_nobodys_idx;
CREATE INDEX inbox_nobodys_idx ON ops.inbox (id)
    WHERE (customer_id IS NULL OR status = 'parked') AND body IS NOT NULL;
