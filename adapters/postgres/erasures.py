"""Erasures in Postgres: the list of them, and what the operational tables hold of a person."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.erasures import Erasure, Traces
from application.ports.ledger import GuardedRow, Insert, UpdateIf

AT_ONCE_MAX = 1_000

OF = "SELECT id, account_id, status FROM ops.erasures WHERE account_id = %s"

TAKE_DUE = """
    UPDATE ops.erasures SET attempts = attempts + 1, due_at = now() + interval '5 minutes' WHERE id = (
        SELECT id FROM ops.erasures WHERE status = 'requested' AND due_at <= now()
        ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING id, account_id, status
"""

TRY_LATER = """
    UPDATE ops.erasures SET error = %s, due_at = now() + least(interval '1 hour', interval '2 seconds' * attempts ^ 2)
    WHERE id = %s AND status = 'requested'
"""

WAITING = "SELECT count(*) FROM ops.erasures WHERE status = 'requested'"

# The claims first: whoever opens a session or makes a code for the account meanwhile holds one of them, so that this
# waits, and removes what they have made; whoever comes later finds none, and makes nothing.
SIGN_INS: Sequence[LiteralString] = (
    "DELETE FROM ops.claims WHERE owner = %(account)s AND kind IN ('email', 'phone')",
    "DELETE FROM ops.credentials WHERE account_id = %(account)s",
    "DELETE FROM ops.sessions WHERE account_id = %(account)s",
)

CLAIMED = "SELECT kind, blind_index FROM ops.claims WHERE owner = %s AND kind IN ('email', 'phone')"

# Nobody's, which is no account's id: it outlasts who had the trial, so that there is no second one.
TRIALS: Sequence[LiteralString] = (
    """
        INSERT INTO ops.claims (kind, blind_index, owner, claimed_at)
        SELECT 'trial', mark, '00000000-0000-0000-0000-000000000000', date_trunc('month', now())
        FROM unnest(%(trials)s::bytea[]) AS mark
        ON CONFLICT (kind, blind_index) DO UPDATE SET owner = excluded.owner, claimed_at = excluded.claimed_at
        WHERE claims.owner = %(account)s
    """,
    "DELETE FROM ops.claims WHERE owner = %(account)s AND kind = 'trial'",
)

# An address that was hers may be somebody else's by now: what is in the name of another account is theirs.
LETTERS: Sequence[LiteralString] = (
    "DELETE FROM ops.codes WHERE account_id = %(account)s",
    """
        DELETE FROM ops.codes WHERE (recipient = ANY(%(recipients)s) OR subject = ANY(%(recipients)s))
            AND account_id IS NULL
    """,
    "DELETE FROM ops.letters WHERE account_id = %(account)s",
    "DELETE FROM ops.letters WHERE recipient = ANY(%(recipients)s) AND account_id IS NULL",
)

# What a provider said when it refused may repeat what it was asked.
TROUBLES: LiteralString = """
    UPDATE ops.intents SET error = NULL WHERE error IS NOT NULL
        AND EXISTS (SELECT FROM ledger.events WHERE originator_id = stream AND account_id = %(account)s)
"""

# From this commit on what comes is kept without its body.
CUSTOMERS: LiteralString = """
    INSERT INTO ops.erased_customers (provider, customer_id)
    SELECT * FROM unnest(%(providers)s::text[], %(customers)s::text[]) ON CONFLICT DO NOTHING
"""

OBJECTS: LiteralString = """
    DELETE FROM ops.customer_objects AS known USING unnest(%(providers)s::text[], %(customers)s::text[]) AS
        erased (provider, customer_id)
    WHERE known.provider = erased.provider AND known.customer_id = erased.customer_id
"""

BODIES: LiteralString = """
    UPDATE ops.inbox SET body = NULL, error = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM ops.inbox JOIN unnest(%(providers)s::text[], %(customers)s::text[]) AS
            erased (provider, customer_id) USING (provider, customer_id)
        WHERE body IS NOT NULL LIMIT %(at_once)s
    ))
"""

PLAYS: LiteralString = """
    DELETE FROM ops.play_sessions WHERE session_id = ANY(ARRAY(
        SELECT session_id FROM ops.play_sessions WHERE account_id = %(account)s LIMIT %(at_once)s
    ))
"""

ANSWERS: LiteralString = "DELETE FROM ops.idempotency WHERE account_id = %(account)s"


class PostgresErasures:
    """Times are the database's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def new(self, erasure_id: UUID, account_id: UUID) -> GuardedRow:
        return Insert("erasures", {"id": erasure_id, "account_id": account_id})

    def done(self, erasure_id: UUID) -> GuardedRow:
        return UpdateIf("erasures", {"id": erasure_id, "status": "requested"}, {"status": "erased"})

    async def of(self, account_id: UUID) -> Erasure | None:
        return _erasure(await self._row(OF, (account_id,)))

    async def take_due(self) -> Erasure | None:
        return _erasure(await self._row(TAKE_DUE, ()))

    async def try_later(self, erasure_id: UUID, *, error: str) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(TRY_LATER, (error, erasure_id))

    async def waiting(self) -> int:
        row = await self._row(WAITING, ())
        return int(row[0]) if row else 0

    async def _row(self, statement: LiteralString, values: Sequence[Any]) -> tuple[Any, ...] | None:
        async with connected(self._pool) as connection:
            return await (await connection.execute(statement, values)).fetchone()


class PostgresOperationalRows:
    """Each statement is a transaction of its own, and those that may find many rows take some at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claimed(self, account_id: UUID) -> Mapping[str, bytes]:
        async with connected(self._pool) as connection:
            return dict(await (await connection.execute(CLAIMED, (account_id,))).fetchall())

    async def forget_sign_ins(self, traces: Traces) -> None:
        await self._run(traces, *SIGN_INS)

    async def forget_trials(self, traces: Traces) -> None:
        await self._run(traces, *TRIALS)

    async def forget_letters(self, traces: Traces) -> None:
        await self._run(traces, *LETTERS)

    async def forget_deliveries(self, traces: Traces) -> None:
        await self._run(traces, CUSTOMERS, OBJECTS, TROUBLES)
        await self._all(traces, BODIES)

    async def forget_plays(self, traces: Traces) -> None:
        await self._all(traces, PLAYS)

    async def forget_answers(self, traces: Traces) -> None:
        await self._run(traces, ANSWERS)

    async def _run(self, traces: Traces, *statements: LiteralString) -> None:
        for statement in statements:
            await self._changed(statement, traces)

    async def _all(self, traces: Traces, statement: LiteralString) -> None:
        while await self._changed(statement, traces) >= AT_ONCE_MAX:
            pass

    async def _changed(self, statement: LiteralString, traces: Traces) -> int:
        values = {
            "account": traces.account_id,
            "recipients": list(traces.recipients),
            "trials": list(traces.trials),
            "providers": [provider for provider, _ in traces.customers],
            "customers": [customer for _, customer in traces.customers],
            "at_once": AT_ONCE_MAX,
        }
        async with connected(self._pool) as connection:
            return (await connection.execute(statement, values)).rowcount


def _erasure(row: tuple[Any, ...] | None) -> Erasure | None:
    return Erasure(id=row[0], account_id=row[1], status=row[2]) if row else None
