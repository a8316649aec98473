"""A ledger of any length, made by the server: loud and quiet accounts, one long stream, rare and uneven facts."""

from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from tests.people import MONDAY

LONG_STREAM = UUID("44444444-0000-4000-8000-000000000001")
"""Every tenth fact is about this video: `video.published` and `video.unpublished` by turns."""

LOUD = UUID("55555555-0000-4000-8000-000000000001")
"""Every twentieth fact is about this account."""

RARE = "account.role_changed"
"""One fact in 5,000, about the loud account."""

EARLY = "account.disabled"
"""Many facts, all of them in the first third of the ledger: a reader by type must not walk through the rest."""

LATE = "account.enabled"

FACTS_TO_A_MOMENT = 7
SECONDS_TO_A_MOMENT = 10
OTHERS_IN_TWENTY = 17

# As the recorder writes them; the positions have no gaps, and neither have the versions of a stream.
SEED = """
    INSERT INTO ledger.events
        (originator_id, originator_version, topic, state, notification_id, recorded_at, account_id)
    SELECT
        stream, version, topic,
        convert_to(json_strip_nulls(json_build_object(
            'type', topic,
            'before', CASE topic WHEN %(rare)s THEN 'viewer' END,
            'after', CASE topic WHEN %(rare)s THEN 'auditor' END,
            'reason', CASE WHEN topic IN (%(early)s, %(late)s) THEN 'settled' END,
            'video_id', CASE WHEN account IS NULL THEN stream END,
            'position', n,
            'recorded_at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'fact_id', md5('fact' || n)::uuid,
            'actor', json_build_object('kind', 'admin', 'id', '66666666-0000-4000-8000-000000000001'),
            'cause', json_build_object('kind', 'request', 'id', '0f8fad5b-d9cb-469f-a165-70867728950e'),
            'account_id', account
        ))::text, 'UTF8'),
        n, at, account
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    CROSS JOIN LATERAL (
        SELECT
            17 * (n / 20) + n %% 20 - CASE WHEN n %% 20 < 10 THEN 2 ELSE 3 END AS other,
            %(monday)s::timestamptz + (n / %(to_a_moment)s) * %(moment)s::interval AS at
    ) AS placed
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN n %% 10 = 0 THEN NULL WHEN n %% 20 = 1 THEN %(loud)s::uuid
                ELSE md5('account' || other %% %(accounts)s)::uuid END AS account,
            CASE WHEN n %% 10 = 0 THEN n / 10 WHEN n %% 20 = 1 THEN n / 20 + 1
                ELSE other / %(accounts)s + 1 END AS version
    ) AS owned
    CROSS JOIN LATERAL (
        SELECT
            coalesce(account, %(long_stream)s::uuid) AS stream,
            CASE WHEN n %% 20 = 0 THEN 'video.published' WHEN n %% 10 = 0 THEN 'video.unpublished'
                WHEN n %% 5000 = 1 THEN %(rare)s WHEN n <= %(early_until)s THEN %(early)s ELSE %(late)s END AS topic
    ) AS told
"""


def recorded_at(position: int) -> datetime:
    """When the fact at this position was recorded: as many as an append has share a moment."""
    return MONDAY + timedelta(seconds=position // FACTS_TO_A_MOMENT * SECONDS_TO_A_MOMENT)


def positions_of_loud(count: int) -> list[int]:
    return list(range(1, count + 1, 20))


def seed(connection: psycopg.Connection, count: int, *, first: int = 1, last: int | None = None) -> None:
    """The facts from `first` to `last` of a ledger of `count` facts, with nothing else: no read model is told."""
    values = {
        "first": first,
        "last": last or count,
        "accounts": max(count // 30, 1),
        "early_until": count // 3,
        "monday": MONDAY,
        "to_a_moment": FACTS_TO_A_MOMENT,
        "moment": timedelta(seconds=SECONDS_TO_A_MOMENT),
        "loud": LOUD,
        "long_stream": LONG_STREAM,
        "rare": RARE,
        "early": EARLY,
        "late": LATE,
    }
    connection.execute(SEED, values)
