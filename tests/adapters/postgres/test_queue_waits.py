"""What is due and waits is seen in each queue, at the head of an index, whatever lies behind it."""

import psycopg
import pytest

from adapters.postgres.pool import new_pool
from adapters.postgres.queue_waits import WAITS, PostgresQueueWaits

pytestmark = pytest.mark.anyio

INDEXES = ("inbox_due_idx", "intents_due_idx", "letters_due_idx", "erasures_due_idx", "transcodes_due_idx")

# In each queue one that was due a while ago, one that is due later, and one that is older and nobody waits for.
QUEUED = """
    INSERT INTO ops.inbox
        (provider, event_id, type, customer_id, livemode, created_at, received_at, month, status, due_at)
    SELECT 'stripe', 'evt_' || status || ago, 'a', 'cus_1', false, now(), now(), '2027-03', status, now() - ago
    FROM (VALUES ('received', interval '100 s'), ('received', interval '-1 d'), ('done', interval '9 d'),
        ('parked', interval '9 d'), ('failed', interval '9 d')) AS given (status, ago);
    INSERT INTO ops.intents (key, stream, due_at, failed)
    SELECT 'key' || ago, gen_random_uuid(), now() - ago, failed
    FROM (VALUES (false, interval '200 s'), (false, interval '-1 d'), (true, interval '9 d')) AS given (failed, ago);
    INSERT INTO ops.letters (id, channel, kind, recipient, written_at, expires_at, due_at, status)
    SELECT gen_random_uuid(), 'email', 'sign_in', 'x', now(), now(), now() - ago, status
    FROM (VALUES ('waiting', interval '300 s'), ('waiting', interval '-1 d'), ('sent', interval '9 d'),
        ('refused', interval '9 d'), ('failed', interval '9 d')) AS given (status, ago);
    INSERT INTO ops.erasures (id, account_id, status, due_at)
    SELECT gen_random_uuid(), gen_random_uuid(), status, now() - ago
    FROM (VALUES ('requested', interval '400 s'), ('requested', interval '-1 d'), ('erased', interval '9 d'))
        AS given (status, ago);
    INSERT INTO jobs.transcodes (video_id, status, due_at)
    SELECT gen_random_uuid(), status, now() - ago
    FROM (VALUES ('queued', interval '500 s'), ('queued', interval '-1 d'), ('failed', interval '9 d'))
        AS given (status, ago);
"""


async def test_how_long_what_is_due_has_waited(database: str) -> None:
    async with new_pool(database) as pool:
        waits = PostgresQueueWaits(pool)
        nothing = await waits.longest()
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(QUEUED)

        longest = await waits.longest()

    expected = {"webhooks": 100, "intents": 200, "letters": 300, "erasures": 400, "transcoding": 500}
    assert nothing == dict.fromkeys(expected, 0.0)
    assert longest == pytest.approx(expected, abs=30)


def test_the_look_reads_the_heads_of_indexes_alone(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_sort = off")
        plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN {WAITS}"))

    assert [index for index in INDEXES if index not in plan] == []
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
