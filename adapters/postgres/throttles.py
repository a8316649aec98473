"""Throttles in Postgres, shared by all processes: the generic cell rate algorithm (GCRA), in one statement."""

from collections.abc import Mapping, Sequence
from functools import cache
from math import ceil, floor
from typing import Any, NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Placeholder

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.secrets import BlindIndex
from application.ports.throttles import Claim, Rate, RateLimited, Standing

# The first try of a key makes its row; a later one moves it on, unless that would be further than its rate allows. The
# time is read once the row is held: of many at once each sees a later one.
TAKE = SQL("""{name} AS (
    INSERT INTO ops.throttles AS kept (digest, tat)
    SELECT {digest}::bytea, clock_timestamp() + make_interval(secs => {interval}::float8) {if_before}
    ON CONFLICT (digest) DO UPDATE
    SET tat = greatest(kept.tat, clock_timestamp()) + make_interval(secs => {interval}::float8)
    WHERE greatest(kept.tat, clock_timestamp()) + make_interval(secs => {interval}::float8)
        <= clock_timestamp() + make_interval(secs => {window}::float8)
    RETURNING extract(epoch FROM tat - clock_timestamp())::float8 AS ahead
)""")

# What one that refused was at before this statement; the others tell what they have come to.
STANDS = SQL("""
    (SELECT ahead FROM {name}),
    (SELECT extract(epoch FROM tat - clock_timestamp())::float8 FROM ops.throttles WHERE digest = {digest})
""")

BEFRIEND = """
    INSERT INTO ops.familiar AS known (digest, expires_at) VALUES (%s, now() + make_interval(days => %s))
    ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at
    WHERE known.expires_at < excluded.expires_at - interval '1 day'
"""

FORGET = "DELETE FROM ops.throttles WHERE digest = ANY(%s)"

IS_FAMILIAR = "SELECT 1 FROM ops.familiar WHERE digest = %s AND expires_at > now()"


class _Cell(NamedTuple):
    """One rate of one claim; `interval` is the seconds that one try takes to come back."""

    rate: Rate
    digest: bytes
    interval: float


class PostgresThrottles:
    """`limits` are the rates of each limit, by its name; all of them hold."""

    def __init__(self, pool: Pool, blind_index: BlindIndex, limits: Mapping[str, Sequence[Rate]]) -> None:
        self._pool = pool
        self._blind_index = blind_index
        self._limits = limits

    async def take(self, *claims: Claim) -> Standing:
        cells = [cell for claim in claims for cell in self._cells(claim)]
        values: dict[str, Any] = {}
        for number, cell in enumerate(cells):
            values |= {f"digest{number}": cell.digest, f"interval{number}": cell.interval}
            values[f"window{number}"] = float(cell.rate.seconds)
        async with connected(self._pool) as connection:
            row = await (await connection.execute(_statement(len(cells)), values)).fetchone()
        assert row is not None, "a query without FROM gives one row"
        return _standing(cells, row[::2], row[1::2])

    def _cells(self, claim: Claim) -> list[_Cell]:
        if claim.limit not in self._limits:
            raise ValueError(f"there is no limit named {claim.limit}")
        return [
            _Cell(
                rate,
                self._blind_index.of("throttle", f"{claim.limit}/{rate.count}/{rate.seconds}/{claim.key}"),
                rate.seconds / rate.count,
            )
            for rate in self._limits[claim.limit]
        ]

    async def forget(self, *claims: Claim) -> None:
        digests = [cell.digest for claim in claims for cell in self._cells(claim)]
        async with connected(self._pool) as connection:
            await connection.execute(FORGET, (digests,))

    async def befriend(self, key: str, *, days: int) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(BEFRIEND, (self._blind_index.of("familiar", key), days))

    async def is_familiar(self, key: str) -> bool:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(IS_FAMILIAR, (self._blind_index.of("familiar", key),))
            return await cursor.fetchone() is not None


@cache
def _statement(count: int) -> Composed:
    """For so many cells, each taken only where the one before it was."""
    names = [Identifier(f"cell{number}") for number in range(count)]
    taking = [
        TAKE.format(
            name=name,
            digest=Placeholder(f"digest{number}"),
            interval=Placeholder(f"interval{number}"),
            window=Placeholder(f"window{number}"),
            if_before=SQL("FROM {}").format(names[number - 1]) if number else SQL(""),
        )
        for number, name in enumerate(names)
    ]
    standing = [STANDS.format(name=name, digest=Placeholder(f"digest{number}")) for number, name in enumerate(names)]
    return SQL("WITH {} SELECT {}").format(SQL(", ").join(taking), SQL(", ").join(standing))


def _standing(cells: Sequence[_Cell], taken: Sequence[float | None], before: Sequence[float | None]) -> Standing:
    """By how many seconds each cell is ahead of now, after this try; None where it refused. Raises RateLimited."""
    standings = []
    for cell, ahead, was_ahead in zip(cells, taken, before, strict=True):
        if ahead is None:
            # Its row may have been made while this statement ran; then it is about as full as it can be.
            known = cell.rate.seconds if was_ahead is None else max(0.0, was_ahead)
            wait = max(1, ceil(known + cell.interval - cell.rate.seconds))
            raise RateLimited(Standing(cell.rate.count, 0, max(1, ceil(known))), retry_after_seconds=wait)
        remaining = max(0, floor((cell.rate.seconds - ahead) / cell.interval + 1e-6))
        standings.append(Standing(cell.rate.count, remaining, ceil(ahead)))
    return min(standings, key=lambda standing: standing.remaining)
