"""What providers sent us, in Postgres: each delivery once, its body sealed, committed before it is answered."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from adapters.postgres.arrays import booleans, byteas, instants, texts
from adapters.postgres.errors import connected
from adapters.postgres.gathering import Gathering
from adapters.postgres.pool import Pool
from application.ports.deliveries import Delivery
from application.ports.inbox import Customer, Waiting
from application.ports.vault import Vault

CHANNEL = "inbox"
"""Notified when there is something to settle."""

WAITING_MAX = 1_000
ERROR_CHARACTERS_MAX = 2_000

KEEP = """
    WITH kept AS (
        INSERT INTO ops.inbox (provider, event_id, type, customer_id, livemode, api_version, created_at, received_at,
            month, body, status, settled_at)
        SELECT provider, event_id, type, customer_id, livemode, api_version, created_at, received_at, month,
            CASE WHEN EXISTS (SELECT FROM ops.erased_customers AS erased WHERE erased.provider = given.provider
                AND erased.customer_id = given.customer_id) THEN NULL ELSE body END, status, settled_at
        FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[], %b::text[],
            %b::timestamptz[], %b::timestamptz[], %b::text[], %b::bytea[], %b::text[], %b::timestamptz[])
        AS given (provider, event_id, type, customer_id, livemode, api_version, created_at, received_at, month, body,
            status, settled_at)
        ON CONFLICT (provider, event_id) DO NOTHING
        RETURNING provider, event_id, status
    ), woken AS (
        SELECT pg_notify('inbox', '') FROM kept WHERE status = 'received' LIMIT 1
    )
    SELECT provider, event_id FROM kept LEFT JOIN woken ON true
"""

# A parked delivery is made due by the append that binds its customer. It is looked at again all the same, ever more
# seldom: it may have been parked in the very moment in which the customer was bound.
CUSTOMERS_WAITING = """
    SELECT provider, customer_id FROM ops.inbox
    WHERE ((status = 'received' AND due_at <= now()) OR (status = 'parked' AND look_again_at <= now()))
        AND provider = ANY(%(providers)s) AND customer_id IS NOT NULL
        AND (%(tried)s::boolean IS NULL OR (attempts > 0) = %(tried)s)
        AND NOT EXISTS (SELECT FROM ops.customer_fences AS fence WHERE fence.provider = inbox.provider
            AND fence.customer_id = inbox.customer_id AND fence.leased_until > now())
    GROUP BY provider, customer_id ORDER BY min(due_at), min(id) LIMIT %(limit)s
"""

WAITING = """
    SELECT id, event_id, type, attempts, created_at FROM ops.inbox
    WHERE provider = %s AND customer_id = %s AND status <> 'done' ORDER BY id LIMIT %s
"""

SETTLED = """
    SELECT id, event_id, type, attempts, created_at FROM ops.inbox
    WHERE kept_at > now() - interval '10 minutes' AND provider = %s AND customer_id = %s AND status = 'done'
        AND created_at >= %s
    ORDER BY id DESC LIMIT 100
"""

PARK = """
    UPDATE ops.inbox SET status = 'parked', error = %s,
        look_again_at = now() + least(greatest(now() - kept_at, interval '1 minute'), interval '1 day')
    WHERE provider = %s AND customer_id = %s AND status IN ('received', 'parked')
"""

# Only what was due has been tried: a delivery that waits for its next try must not fail the sooner because others came.
RETRY_LATER = """
    UPDATE ops.inbox SET attempts = attempts + 1, error = %(error)s, look_again_at = NULL,
        status = CASE WHEN attempts < cardinality(%(delays)s::float8[]) THEN 'received' ELSE 'failed' END,
        due_at = now() + make_interval(secs => coalesce((%(delays)s::float8[])[attempts + 1], 0))
    WHERE provider = %(provider)s AND customer_id = %(customer_id)s AND status <> 'done'
        AND ((status = 'received' AND due_at <= now()) OR (status = 'parked' AND look_again_at <= now()))
"""

PUT_OFF = """
    UPDATE ops.inbox SET due_at = now() + make_interval(secs => %(seconds)s * (1 + random())), look_again_at = NULL,
        status = 'received'
    WHERE provider = %(provider)s AND customer_id = %(customer_id)s AND status <> 'done'
        AND ((status = 'received' AND due_at <= now()) OR (status = 'parked' AND look_again_at <= now()))
"""

LOOK_AGAIN = """
    WITH known AS (
        UPDATE ops.inbox SET status = 'received', due_at = now(), look_again_at = NULL
        WHERE status = 'parked' AND customer_id IS NULL AND provider = %s AND naming && %s::text[] RETURNING id
    ), woken AS (
        SELECT pg_notify('inbox', '') FROM known LIMIT 1
    )
    SELECT FROM woken
"""

UNSETTLED = "SELECT count(*) FROM ops.inbox WHERE status = 'received'"

BODY = "SELECT provider, event_id, month, body FROM ops.inbox WHERE id = %s"


class Kept(NamedTuple):
    """A row to be; times are business time."""

    provider: str
    event_id: str
    type: str
    customer_id: str | None
    livemode: bool
    api_version: str | None
    created_at: datetime
    received_at: datetime
    month: str
    body: bytes
    status: str
    settled_at: datetime | None


WRITERS: Final[Sequence[Callable[[Sequence[Any]], bytes]]] = (
    *(texts, texts, texts, texts, booleans, texts),
    *(instants, instants, texts, byteas, texts, instants),
)
"""Of the columns of what is kept."""


class PostgresInbox:
    """Deliveries that come at the same moment share a commit."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault
        self._keeping = Gathering(self._keep_all, rounds=1)

    async def keep(self, delivery: Delivery, *, now: datetime, to_settle: bool = True) -> bool:
        """As the port says; the body is sealed under the key of its month before it leaves this process."""
        month = f"{now:%Y-%m}"
        cipher = await self._vault.of_inbox(month)
        to_settle = to_settle and (delivery.customer_id is not None or delivery.to_find)
        return await self._keeping.ask(
            Kept(
                provider=delivery.provider,
                event_id=delivery.event_id,
                type=delivery.type,
                customer_id=delivery.customer_id,
                livemode=delivery.livemode,
                api_version=delivery.api_version,
                created_at=delivery.created_at,
                received_at=now,
                month=month,
                body=cipher.seal(delivery.body, place_of(delivery.provider, delivery.event_id)),
                status="received" if to_settle else "done",
                settled_at=None if to_settle else now,
            )
        )

    async def _keep_all(self, rows: Sequence[Kept]) -> list[bool]:
        """Of two that are the same only the first is new, as it would be one by one."""
        columns = zip(*rows, strict=True)
        arrays = [write(column) for write, column in zip(WRITERS, columns, strict=True)]
        async with connected(self._pool) as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(KEEP, arrays, prepare=True)
            new = set(await cursor.fetchall())
        return [_take(new, (row.provider, row.event_id)) for row in rows]

    async def body(self, id: int) -> bytes | None:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(BODY, (id,))).fetchone()
        if row is None or row[3] is None:
            return None
        provider, event_id, month, sealed = row
        return (await self._vault.of_inbox(month)).open(sealed, place_of(provider, event_id))

    async def customers_waiting(
        self, *, limit: int, providers: Sequence[str], tried: bool | None = None
    ) -> Sequence[Customer]:
        values = {"limit": limit, "providers": list(providers), "tried": tried}
        async with connected(self._pool) as connection:
            cursor = await connection.execute(CUSTOMERS_WAITING, values)
            return [Customer(*row) for row in await cursor.fetchall()]

    async def waiting(self, customer: Customer) -> Sequence[Waiting]:
        """At most 1,000, the oldest."""
        async with connected(self._pool) as connection:
            cursor = await connection.execute(WAITING, (customer.provider, customer.customer_id, WAITING_MAX))
            return [Waiting(*row) for row in await cursor.fetchall()]

    async def settled(self, customer: Customer, *, since: datetime) -> Sequence[Waiting]:
        async with connected(self._pool) as connection:
            cursor = await connection.execute(SETTLED, (customer.provider, customer.customer_id, since))
            return [Waiting(*row) for row in await cursor.fetchall()]

    async def park(self, customer: Customer, *, why: str) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(PARK, (why, customer.provider, customer.customer_id))

    async def retry_later(self, customer: Customer, *, error: str, delays_seconds: Sequence[float]) -> None:
        values = {
            "provider": customer.provider,
            "customer_id": customer.customer_id,
            "error": cut(error),
            "delays": [float(delay) for delay in delays_seconds],
        }
        async with connected(self._pool) as connection:
            await connection.execute(RETRY_LATER, values)

    async def put_off(self, customer: Customer, *, seconds: float) -> None:
        values = {"provider": customer.provider, "customer_id": customer.customer_id, "seconds": float(seconds)}
        async with connected(self._pool) as connection:
            await connection.execute(PUT_OFF, values)

    async def look_again(self, provider: str, references: Sequence[str]) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(LOOK_AGAIN, (provider, list(references)))

    async def unsettled(self) -> int:
        async with connected(self._pool) as connection:
            row = await (await connection.execute(UNSETTLED)).fetchone()
        return int(row[0]) if row else 0


def cut(error: str) -> str:
    """As the table can hold it."""
    return error.replace("\x00", "")[:ERROR_CHARACTERS_MAX]


def place_of(provider: str, event_id: str) -> bytes:
    """Where a body lives, so that it cannot be passed off as that of another delivery."""
    return f"inbox|{provider}|{event_id}".encode()


def _take(new: set[tuple[str, str]], key: tuple[str, str]) -> bool:
    if key not in new:
        return False
    new.remove(key)
    return True
