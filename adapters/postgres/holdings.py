"""What the operational tables hold about a person, in Postgres."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from adapters.postgres.errors import connected
from adapters.postgres.pool import Pool
from application.ports.erasures import Traces
from application.ports.holdings import ACTS_WINDOW, Held, HeldTable
from domain.shared.fact import Actor, Cause

# Each gives the place, the row as JSON, what of it is sealed, and whose month's key that needs.
PAGES: Mapping[HeldTable, LiteralString] = {
    "sessions": """
        SELECT session_id::text, json_build_object('id', session_id, 'started_at', started_at,
            'refreshed_at', refreshed_at, 'expires_at', expires_at, 'ended_at', ended_at,
            'reuse_recorded', reuse_recorded), NULL, NULL
        FROM ops.sessions WHERE account_id = %(account)s
            AND (%(after)s::uuid IS NULL OR session_id > %(after)s::uuid) ORDER BY session_id LIMIT %(limit)s
    """,
    "refreshes": """
        SELECT encode(digest, 'hex'), json_build_object('session_id', session_id, 'issued_at', issued_at,
            'expires_at', token.expires_at, 'spent_at', spent_at), NULL, NULL
        FROM ops.refresh_tokens AS token JOIN ops.sessions USING (session_id) WHERE account_id = %(account)s
            AND (%(after)s::text IS NULL OR digest > decode(%(after)s::text, 'hex')) ORDER BY digest LIMIT %(limit)s
    """,
    "passwords": """
        SELECT account_id::text, json_build_object('changed_at', changed_at), NULL, NULL
        FROM ops.credentials WHERE account_id = %(account)s AND %(after)s::uuid IS NULL LIMIT %(limit)s
    """,
    "claims": """
        SELECT kind || ' ' || encode(blind_index, 'hex'), json_build_object('kind', kind, 'claimed_at', claimed_at),
            NULL, NULL
        FROM ops.claims WHERE owner = %(account)s
            AND (%(after)s::text IS NULL OR (kind, blind_index)
                > (split_part(%(after)s::text, ' ', 1), decode(split_part(%(after)s::text, ' ', 2), 'hex')))
        ORDER BY kind, blind_index LIMIT %(limit)s
    """,
    "letters": """
        SELECT id::text, json_build_object('id', id, 'account_id', account_id, 'channel', channel, 'kind', kind,
            'written_at', written_at, 'expires_at', expires_at, 'attempts', attempts, 'status', status,
            'settled_at', settled_at, 'reference', reference, 'error', error), sealed, month
        FROM ops.letters
        WHERE (account_id = %(account)s OR (account_id IS NULL AND recipient = ANY(%(recipients)s)))
            AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid) ORDER BY id LIMIT %(limit)s
    """,
    "codes": """
        SELECT id::text, json_build_object('id', id, 'account_id', account_id, 'kind', kind, 'made_at', made_at,
            'expires_at', expires_at, 'tries', tries, 'familiar_tries', familiar_tries, 'is_familiar', is_familiar,
            'status', status), payload, month
        FROM ops.codes
        WHERE (account_id = %(account)s
                OR (account_id IS NULL AND (recipient = ANY(%(recipients)s) OR subject = ANY(%(recipients)s))))
            AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid) ORDER BY id LIMIT %(limit)s
    """,
    "answers": """
        SELECT encode(digest, 'hex'), json_build_object('kept_until', expires_at), answer, NULL
        FROM ops.idempotency WHERE account_id = %(account)s
            AND (%(after)s::text IS NULL OR digest > decode(%(after)s::text, 'hex')) ORDER BY digest LIMIT %(limit)s
    """,
    "plays": """
        SELECT session_id::text, json_build_object('id', session_id, 'video_id', video_id, 'device_id', device_id,
            'sign_in_id', sign_in_id, 'started_at', started_at, 'ends_at', ends_at, 'last_seen_at', last_seen_at,
            'position_seconds', position_seconds, 'ended_at', ended_at, 'counted', counted), NULL, NULL
        FROM ops.play_sessions WHERE account_id = %(account)s
            AND (%(after)s::uuid IS NULL OR session_id > %(after)s::uuid) ORDER BY session_id LIMIT %(limit)s
    """,
    "intents": """
        SELECT key, json_build_object('key', key, 'stream', stream, 'due_at', due_at, 'attempts', attempts,
            'failed', failed, 'error', error), NULL, NULL
        FROM ops.intents WHERE (%(after)s::text IS NULL OR key > %(after)s::text)
            AND EXISTS (SELECT FROM ledger.events WHERE originator_id = stream AND account_id = %(account)s)
        ORDER BY key LIMIT %(limit)s
    """,
    "customers": """
        SELECT provider || ' ' || customer_id, json_build_object('provider', provider, 'customer_id', customer_id,
            'asked_at', asked_at), NULL, NULL
        FROM ops.customer_fences JOIN unnest(%(providers)s::text[], %(customers)s::text[]) AS
            mine (provider, customer_id) USING (provider, customer_id)
        WHERE %(after)s::text IS NULL
            OR (provider, customer_id) > (split_part(%(after)s::text, ' ', 1), split_part(%(after)s::text, ' ', 2))
        ORDER BY provider, customer_id LIMIT %(limit)s
    """,
    "objects": """
        SELECT provider || ' ' || reference, json_build_object('provider', provider, 'reference', reference,
            'customer_id', customer_id), NULL, NULL
        FROM ops.customer_objects JOIN unnest(%(providers)s::text[], %(customers)s::text[]) AS
            mine (provider, customer_id) USING (provider, customer_id)
        WHERE %(after)s::text IS NULL
            OR (provider, reference) > (split_part(%(after)s::text, ' ', 1), split_part(%(after)s::text, ' ', 2))
        ORDER BY provider, reference LIMIT %(limit)s
    """,
    "webhooks": """
        SELECT inbox.id::text, json_build_object('id', inbox.id, 'provider', provider, 'event_id', event_id,
            'type', type, 'customer_id', customer_id, 'livemode', livemode, 'api_version', api_version,
            'created_at', created_at, 'received_at', received_at, 'status', status, 'attempts', attempts,
            'settled_at', settled_at, 'error', error), NULL, NULL
        FROM ops.inbox JOIN unnest(%(providers)s::text[], %(customers)s::text[]) AS mine (provider, customer_id)
            USING (provider, customer_id)
        WHERE body IS NOT NULL AND inbox.id > coalesce(%(after)s::bigint, 0) ORDER BY inbox.id LIMIT %(limit)s
    """,
}

# What has the id in it and was done by another is left out below; what is about the account itself is among its facts.
ACTS = """
    SELECT notification_id, topic, recorded_at, state FROM ledger.events
    WHERE notification_id > %(after)s AND notification_id <= %(after)s + %(window)s AND position(%(mark)s IN state) > 0
        AND account_id IS DISTINCT FROM %(account)s
    ORDER BY notification_id
"""


class _Done(msgspec.Struct):
    """What facts of all shapes have in common."""

    actor: Actor
    cause: Cause


class PostgresHoldings:
    """A page is a statement of its own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, table: HeldTable, traces: Traces, *, after: str | None, limit: int) -> Sequence[Held]:
        values = {
            "account": traces.account_id,
            "providers": [provider for provider, _ in traces.customers],
            "customers": [customer for _, customer in traces.customers],
            "recipients": list(traces.recipients),
            "after": after,
            "limit": limit,
        }
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(PAGES[table], values)).fetchall()
        return [Held(*row) for row in rows]

    async def acts(self, account_id: UUID, *, after: int) -> Sequence[Mapping[str, Any]]:
        values = {"account": account_id, "after": after, "window": ACTS_WINDOW, "mark": str(account_id).encode()}
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(ACTS, values)).fetchall()
        return [act for row in rows if (act := _act_of(str(account_id), *row))]


def _act_of(actor_id: str, position: int, type: str, recorded_at: datetime, state: bytes) -> Mapping[str, Any] | None:
    """None where somebody else did it, or nobody can read who."""
    try:
        done = msgspec.json.decode(state, type=_Done)
    except ValueError:
        return None
    if done.actor.id != actor_id:
        return None
    return {"position": position, "type": type, "recorded_at": recorded_at, "actor": done.actor, "cause": done.cause}
