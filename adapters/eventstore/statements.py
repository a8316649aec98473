"""What an append says to PostgreSQL: few statements, whose text never changes, so that each is prepared once."""

from datetime import datetime

import msgspec

from adapters.eventstore.inline import InlineGeneration

HEAD = """
    SELECT json_build_array(
        (
            SELECT json_build_array(notification_id, recorded_at) FROM ledger.events
            ORDER BY notification_id DESC LIMIT 1
        ),
        ARRAY(
            SELECT coalesce((SELECT max(originator_version) FROM ledger.events WHERE originator_id = stream), 0)
            FROM unnest(%s::uuid[]) WITH ORDINALITY AS asked (stream, place) ORDER BY place
        ),
        ARRAY(
            SELECT json_build_array(name, generation, version, state) FROM ledger.read_models
            WHERE inline AND state IN ('live', 'kept') ORDER BY name, generation
        )
    )::text
"""
"""Asked under the ledger's lock, and in a statement of its own: one that waits for a lock sees what was before."""


class Last(msgspec.Struct, frozen=True, array_like=True):
    """The newest fact."""

    position: int
    recorded_at: datetime


class Found(msgspec.Struct, frozen=True, array_like=True):
    """What `HEAD` answers; `versions` in the order of the streams asked about, 0 for one that does not exist."""

    last: Last | None
    versions: list[int]
    inline: list[InlineGeneration]


decode_found = msgspec.json.Decoder(Found).decode

INSERT = """
    WITH recorded AS (
        INSERT INTO ledger.events (originator_id, originator_version, topic, state, account_id, notification_id,
            recorded_at)
        SELECT originator_id, originator_version, topic, state, account_id, %b + place, %b::timestamptz
        FROM unnest(%t::uuid[], %t::bigint[], %t::text[], %b::bytea[], %t::uuid[])
            WITH ORDINALITY AS placed (originator_id, originator_version, topic, state, account_id, place)
    )
    SELECT pg_notify(%t, '')
"""
"""All facts of a transaction, their positions counted from the head before it, and a word to who follows."""

FIND = """
    SELECT topic, state FROM ledger.events
    WHERE (originator_id, originator_version) IN (SELECT * FROM unnest(%t::uuid[], %t::bigint[]))
"""
