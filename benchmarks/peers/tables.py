"""The tables of the peers, and who is in them: the same accounts, subscriptions and films as on our side."""

from typing import LiteralString

import psycopg
from argon2 import PasswordHasher

from benchmarks.audience import Audience

PASSWORD = "correct horse battery staple"  # noqa: S105 - it guards nothing

TABLES: tuple[LiteralString, ...] = (
    """
    CREATE TABLE accounts (
        id uuid PRIMARY KEY,
        email varchar(254) NOT NULL UNIQUE,
        password varchar(255) NOT NULL,
        last_login timestamptz,
        is_active boolean NOT NULL
    )
    """,
    """
    CREATE TABLE subscriptions (
        id uuid PRIMARY KEY,
        account_id uuid NOT NULL REFERENCES accounts,
        plan varchar(64) NOT NULL,
        status varchar(32) NOT NULL,
        current_period_end timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE videos (
        id uuid PRIMARY KEY,
        title varchar(255) NOT NULL,
        description text NOT NULL,
        category varchar(64) NOT NULL,
        access varchar(32) NOT NULL,
        status varchar(32) NOT NULL,
        playback_id varchar(64) NOT NULL,
        duration_seconds double precision NOT NULL,
        published_at timestamptz
    )
    """,
)
ROWS: tuple[LiteralString, ...] = (
    """
    INSERT INTO accounts SELECT md5('account ' || n)::uuid, 'viewer' || n || '@example.com', %(password)s, NULL, true
    FROM generate_series(0, %(accounts)s - 1) AS n
    """,
    """
    INSERT INTO subscriptions
    SELECT md5('subscription ' || n)::uuid, md5('account ' || n)::uuid, 'Cooking', 'active', now() + interval '32 days'
    FROM generate_series(0, %(accounts)s - 1) AS n
    """,
    """
    INSERT INTO videos
    SELECT md5('video ' || n)::uuid, 'Lesson ' || n, 'Twenty minutes of stirring, told by one who knows.', 'cooking',
        'subscribers', 'published', left(md5('video ' || n), 16), 5400, now() - n * interval '1 minute'
    FROM generate_series(0, %(videos)s - 1) AS n
    """,
)
INDEXES: tuple[LiteralString, ...] = (
    "CREATE INDEX ON subscriptions (account_id)",
    "CREATE INDEX ON videos (published_at)",
)


def fill(dsn: str, audience: Audience) -> None:
    """Make the tables in a database, and fill them; everybody has the one password."""
    password = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(PASSWORD)
    values = {"accounts": audience.accounts, "videos": audience.videos, "password": password}
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(table)
        for rows in ROWS:
            connection.execute(rows, values)
        for index in INDEXES:
            connection.execute(index)
        connection.execute("VACUUM (ANALYZE)")
