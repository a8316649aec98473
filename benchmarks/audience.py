"""Who watches what in the benchmarks of playback: accounts with a subscription each, films, and who is signed in.

On our side these are facts, each as FactMapper writes it, of which the read models are made as ever; the peers have a
row to each. Ids follow from numbers, so that all have the same.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import LiteralString
from uuid import UUID

import psycopg
from msgspec.structs import replace
from psycopg import Connection
from psycopg.rows import TupleRow

from adapters.eventstore.mapper import FactMapper, Placed
from adapters.eventstore.read_models import ReadModels
from application.projections.every import PROJECTIONS
from benchmarks.films import RENDITIONS
from benchmarks.subscribers import COOKING, STRIPE, WEBHOOK
from domain.account.account import AccountRegistered
from domain.shared.fact import Fact
from domain.subscription.facts import SubscriptionStarted
from domain.video.facts import VideoCreated, VideoMadeReady, VideoPublished

FILM_SECONDS = 5_400.0
NOW = datetime.now(UTC).replace(microsecond=1)
"""A fraction that is never zero: msgspec writes it always, or leaves it out always."""
JOINED, PAID_UNTIL = NOW - timedelta(days=1), NOW + timedelta(days=32)

EVENTS = """
    COPY ledger.events (originator_id, originator_version, topic, state, notification_id, recorded_at, account_id)
    FROM STDIN (FORMAT binary)
"""
EVENT_TYPES = ("uuid", "int8", "text", "bytea", "int8", "timestamptz", "uuid")

SIGN_IN: LiteralString = """
    INSERT INTO ops.sessions (session_id, account_id, started_at, expires_at)
    SELECT told.*, now(), now() + interval '30 days' FROM unnest(%b::uuid[], %b::uuid[]) AS told
"""

Stored = tuple[UUID, int, str, bytes, int, datetime, UUID | None]


@dataclass(frozen=True)
class Audience:
    """So many of each; the first `viewers` of the accounts are signed in."""

    accounts: int
    videos: int
    viewers: int
    stream_limit: int | None = None
    """Of the plan that all of them have."""
    platform: str = "mux"

    @property
    def facts(self) -> int:
        return 2 * self.accounts + 3 * self.videos


def account_id(number: int) -> UUID:
    return _id("account", number)


def video_id(number: int) -> UUID:
    return _id("video", number)


def sign_in_id(number: int) -> UUID:
    return _id("sign-in", number)


def playback_id(number: int) -> str:
    """Sixteen hexadecimal digits: also the local platform would take them."""
    return video_id(number).hex[:16]


def _id(kind: str, number: int) -> UUID:
    return UUID(md5(f"{kind} {number}".encode(), usedforsecurity=False).hexdigest())


async def seat(dsn: str, audience: Audience) -> None:
    """Fill an empty ledger, make the read models, and sign the viewers in."""
    await asyncio.to_thread(_seat, dsn, audience)


def _seat(dsn: str, audience: Audience) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        _record(connection, audience)
        ReadModels(dsn, PROJECTIONS, FactMapper()).prepare()
        for first in range(0, audience.viewers, 10_000):
            numbers = range(first, min(first + 10_000, audience.viewers))
            connection.execute(SIGN_IN, [[sign_in_id(n) for n in numbers], [account_id(n) for n in numbers]])
        # Or autovacuum does it, while something is measured.
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def _record(connection: Connection[TupleRow], audience: Audience) -> None:
    with connection.cursor() as cursor, cursor.copy(EVENTS) as copy:
        copy.set_types(EVENT_TYPES)
        for row in stored(audience):
            copy.write_row(row)
    found = connection.execute("SELECT count(*) FROM ledger.events").fetchone()
    assert found == (audience.facts,), "every fact is there"


# What differs from one to the next, as it stands in the example.
WHO, WHICH, FACT, POSITION = UUID(int=0xACC << 100), UUID(int=0x5B << 100), UUID(int=0xFAC << 100), 555_555_555


class Template:
    """The stored bytes of facts of one kind, made from those of an example: twenty times as quick as FactMapper."""

    def __init__(self, fact: Fact, version: int, *, stream: UUID) -> None:
        placed = replace(fact, fact_id=FACT, position=POSITION, recorded_at=JOINED, actor=STRIPE, cause=WEBHOOK)
        self.topic, self.version, self.of_account = fact.tag(), version, hasattr(fact, "account_id")
        self._state = FactMapper().encode(Placed(stream, version, placed, None))

    def made(self, stream: UUID, who: UUID, which: UUID, position: int) -> Stored:
        state = self._state.replace(str(WHO).encode(), str(who).encode()).replace(
            str(WHICH).encode(), str(which).encode()
        )
        state = state.replace(WHICH.hex.encode(), which.hex.encode()).replace(
            WHICH.hex[:16].encode(), which.hex[:16].encode()
        )
        state = state.replace(str(FACT).encode(), str(_id("fact", position)).encode())
        state = state.replace(b"%d" % POSITION, b"%d" % position)
        return stream, self.version, self.topic, state, position, JOINED, who if self.of_account else None


def stored(audience: Audience) -> Iterator[Stored]:
    """The rows of the ledger, in order."""
    position = 0
    filmed = [Template(fact, version, stream=WHICH) for version, fact in enumerate(_film(audience.platform), start=1)]
    for number in range(audience.videos):
        for template in filmed:
            position += 1
            yield template.made(video_id(number), WHO, video_id(number), position)
    registered, started = (
        Template(_registered(), 1, stream=WHO),
        Template(_started(audience.stream_limit), 1, stream=WHICH),
    )
    for number in range(audience.accounts):
        who, which = account_id(number), _id("subscription", number)
        yield registered.made(who, who, which, position + 1)
        yield started.made(which, who, which, position + 2)
        position += 2


def _film(platform: str) -> tuple[Fact, ...]:
    return (
        VideoCreated(
            video_id=WHICH,
            title=f"Lesson {WHICH.hex}",
            description='Twenty minutes of "stirring", told by one who has done it for thirty years.',
            category="cooking",
            access="subscribers",
            requires="hd",
            platform=platform,
        ),
        VideoMadeReady(
            video_id=WHICH, playback_id=WHICH.hex[:16], duration_seconds=FILM_SECONDS, renditions=RENDITIONS
        ),
        VideoPublished(video_id=WHICH),
    )


def _registered() -> Fact:
    """Of whom nothing personal is told: without a key to a person there is no cipher to seal it."""
    return AccountRegistered(account_id=WHO, email="", name="", role="viewer")


def _started(stream_limit: int | None) -> Fact:
    return SubscriptionStarted(
        account_id=WHO,
        subscription_id=WHICH,
        provider="stripe",
        provider_reference=f"sub_{WHICH.hex}",
        customer_id=f"cus_{WHICH.hex}",
        plan=replace(COOKING, stream_limit=stream_limit),
        price_id="price_1QAbCdEfGhIjKlMnOpQrStUv",
        status="active",
        started_at=JOINED,
        period_start=JOINED,
        period_end=PAID_UNTIL,
        trial_end=None,
        ends_at=None,
        lease_until=PAID_UNTIL,
    )
