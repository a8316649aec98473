"""Deletes operational rows that have been kept for as long as their table says (migrations/)."""

from typing import LiteralString

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool

DELETED_AT_ONCE_MAX = 5_000

# A chosen few at a time, so that no statement holds many locks or runs long.
FORGET: dict[str, LiteralString] = {
    "sessions": """
        DELETE FROM ops.sessions WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.sessions WHERE expires_at < now() - interval '30 days' LIMIT %s
        ))
    """,
    "refresh_tokens": """
        DELETE FROM ops.refresh_tokens WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.refresh_tokens WHERE expires_at < now() LIMIT %s
        ))
    """,
    "idempotency": """
        DELETE FROM ops.idempotency WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.idempotency WHERE expires_at < now() LIMIT %s
        ))
    """,
    "throttles": """
        DELETE FROM ops.throttles WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.throttles WHERE tat < now() LIMIT %s
        ))
    """,
    "familiar": """
        DELETE FROM ops.familiar WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.familiar WHERE expires_at < now() LIMIT %s
        ))
    """,
    "inbox": """
        DELETE FROM ops.inbox WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.inbox WHERE kept_at < now() - interval '90 days'
            AND (status = 'done' OR kept_at < now() - interval '400 days') LIMIT %s
        ))
    """,
    # Of what came in the very moment of the erasure.
    "erased_bodies": """
        UPDATE ops.inbox SET body = NULL WHERE id = ANY(ARRAY(
            SELECT id FROM ops.inbox JOIN ops.erased_customers USING (provider, customer_id)
            WHERE body IS NOT NULL LIMIT %s
        ))
    """,
    # Of what the provider told of them since: until then a refund that names its payment alone is known to be theirs.
    "erased_objects": """
        DELETE FROM ops.customer_objects WHERE ctid = ANY(ARRAY(
            SELECT known.ctid FROM ops.customer_objects AS known
            JOIN ops.erased_customers USING (provider, customer_id) LIMIT %s
        ))
    """,
    # Of what was still to be settled when somebody was erased whom it names; see nobodys.py.
    "names_erased": """
        UPDATE ops.inbox SET body = NULL, error = NULL WHERE id = ANY(ARRAY(
            SELECT id FROM ops.inbox WHERE names_erased AND body IS NOT NULL AND status <> 'received' LIMIT %s
        )) AND status <> 'received'
    """,
    "codes": """
        DELETE FROM ops.codes WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.codes WHERE made_at < now() - interval '2 days' LIMIT %s
        ))
    """,
    "letters": """
        DELETE FROM ops.letters WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.letters WHERE written_at < now() - interval '30 days' LIMIT %s
        ))
    """,
    "sweeps": """
        DELETE FROM ops.sweeps WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.sweeps WHERE requested_at < now() - interval '400 days'
            AND status IN ('done', 'failed') LIMIT %s
        ))
    """,
    # Of who was erased; see erasures.py.
    "trials": """
        DELETE FROM ops.claims WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.claims WHERE kind = 'trial' AND owner = '00000000-0000-0000-0000-000000000000'
            AND claimed_at < now() - interval '730 days' LIMIT %s
        ))
    """,
    "play_sessions": """
        DELETE FROM ops.play_sessions WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ops.play_sessions WHERE started_at < now() - interval '7 days'
            AND (account_id IS NULL OR started_at < now() - interval '400 days') LIMIT %s
        ))
    """,
}


class PostgresRetention:
    """Called now and then by the worker; any number of them may at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def forget(self) -> dict[str, int]:
        """Delete at most 5,000 rows of each table, and say how many; call again while one is full."""
        deleted: dict[str, int] = {}
        for table, statement in FORGET.items():
            async with connected(self._pool) as connection:
                cursor = await connection.execute(statement, (DELETED_AT_ONCE_MAX,))
                deleted[table] = cursor.rowcount
        return deleted
