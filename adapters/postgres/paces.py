"""How fast a provider is asked, in Postgres: one row that gives each request its turn."""

import asyncio
import logging

from psycopg.sql import SQL

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.errors import ProviderBusy
from application.ports.pacing import is_unhurried

log = logging.getLogger(__name__)

LEAST_PER_SECOND = 2.0
RECOVERY_SECONDS = 25.0
"""From nothing to the most."""
PATIENCE_SECONDS = 6.0
"""A turn that is further away is none: then what came is taken at its word, and asked about later."""
ONE_TROUBLE_SECONDS = 1.0
"""What is refused within it is one trouble: those requests were sent before anybody knew."""

RATE = SQL("""
    least(%(most)s::float8, pace.per_second + %(most)s::float8 / %(recovery)s::float8
        * greatest(0, extract(epoch FROM clock_timestamp() - pace.slowed_at)::float8))
""")

# The time is read once the row is held: of many at once each gets a later turn.
TURN = SQL("""
    INSERT INTO ops.paces AS pace (provider, next_at, per_second, slowed_at)
    VALUES (%(provider)s, clock_timestamp() + make_interval(secs => 1 / %(most)s::float8), %(most)s, clock_timestamp())
    ON CONFLICT (provider) DO UPDATE
    SET next_at = greatest(pace.next_at, clock_timestamp()) + make_interval(secs => 1 / {rate})
    WHERE pace.next_at <= clock_timestamp() + make_interval(secs => %(patience)s::float8)
    RETURNING extract(epoch FROM next_at - clock_timestamp())::float8 - 1 / {rate}
""").format(rate=RATE)

SLOW_DOWN = SQL("""
    UPDATE ops.paces AS pace
    SET per_second = greatest(%(least)s::float8, {rate} / 2), slowed_at = clock_timestamp()
    WHERE provider = %(provider)s AND slowed_at < clock_timestamp() - make_interval(secs => %(trouble)s::float8)
    RETURNING per_second
""").format(rate=RATE)


class PostgresPace:
    """Of one provider, which is asked `most_per_second` at most."""

    def __init__(self, pool: Pool, provider: str, *, most_per_second: float) -> None:
        self._pool = pool
        self._values = {
            "provider": provider,
            "most": float(most_per_second),
            "least": min(LEAST_PER_SECOND, float(most_per_second)),
            "recovery": RECOVERY_SECONDS,
            "trouble": ONE_TROUBLE_SECONDS,
        }

    async def turn(self) -> None:
        hurried = not is_unhurried()
        patience = 86_400.0 if hurried else PATIENCE_SECONDS
        async with connected(self._pool) as connection:
            row = await (await connection.execute(TURN, {**self._values, "patience": patience})).fetchone()
        if row is None:
            raise ProviderBusy("There are more questions than the payment provider lets us ask.")
        if not hurried:
            await asyncio.sleep(max(0.0, row[0]))

    async def slow_down(self) -> None:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(SLOW_DOWN, self._values)).fetchone()
        if row is not None:
            log.warning("a provider had too many questions: %.1f a second from now on", row[0])
