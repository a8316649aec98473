-- A policy passes over a fact that cannot be read. After the mend it is made to act on it, and on all since, by
-- UPDATE ledger.policies SET position = <the fact's> - 1, trouble = NULL WHERE name = '<the policy>'
-- What a policy does twice happens once.

ALTER TABLE ledger.policies ADD COLUMN trouble text;     -- the first fact that it passed over, and why; null: none
