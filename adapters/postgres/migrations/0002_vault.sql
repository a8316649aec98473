-- The vault: the keys under which personal data and webhook bodies are encrypted, each wrapped by a master key.
--
-- It may live in a database of its own (VAULT_DATABASE_URL), so this file needs nothing of the others. It is backed up
-- apart from the ledger and for a short time only: a backup that outlives an erasure still holds the key.

CREATE SCHEMA IF NOT EXISTS vault;

CREATE TABLE IF NOT EXISTS vault.keys (
    -- `person`, `inbox` or `check`; with `id` it is bound into the wrapping, so that a row cannot pass for another.
    kind text NOT NULL,
    -- An account's id, a month such as 2026-11, or the name of what is checked.
    id text NOT NULL,
    -- AES-256-GCM over the 32 bytes of the key; null once it has been shredded.
    wrapped bytea,
    -- Which master key wrapped it.
    kid text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- A row with it is a tombstone: no key is ever made again for this kind and id.
    shredded_at timestamptz,
    PRIMARY KEY (kind, id),
    CONSTRAINT a_key_or_a_tombstone CHECK (
        (wrapped IS NOT NULL AND kid IS NOT NULL AND shredded_at IS NULL)
        OR (wrapped IS NULL AND kid IS NULL AND shredded_at IS NOT NULL)
    )
)
-- A shredded key stays in the file as a dead row until VACUUM: the next round takes it, however few there are.
WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
