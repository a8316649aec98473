"""How long what is due has waited, in each queue, in Postgres: the first entry of an index to a queue."""

from collections.abc import Mapping

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool

# Each ordered by itself, so that it is the head of the index on what is due; how many wait behind that costs nothing.
WAITS = """
    SELECT queue, extract(epoch FROM now() - due_at)::float8 FROM (VALUES
        ('webhooks', (SELECT due_at FROM ops.inbox WHERE status = 'received' ORDER BY due_at LIMIT 1)),
        ('intents', (SELECT due_at FROM ops.intents WHERE NOT failed ORDER BY due_at LIMIT 1)),
        ('letters', (SELECT due_at FROM ops.letters WHERE status = 'waiting' ORDER BY due_at LIMIT 1)),
        ('erasures', (SELECT due_at FROM ops.erasures WHERE status = 'requested' ORDER BY due_at LIMIT 1)),
        ('transcoding', (SELECT due_at FROM jobs.transcodes WHERE status <> 'failed' ORDER BY due_at LIMIT 1))
    ) AS heads (queue, due_at)
"""


class PostgresQueueWaits:
    """Times are the database's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def longest(self) -> Mapping[str, float]:
        """In seconds, by queue; 0 where nothing is due. Raises DatabaseUnavailable."""
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(WAITS)).fetchall()
        return {queue: max(0.0, waited or 0.0) for queue, waited in rows}
