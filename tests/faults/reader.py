"""A process that reads while others write: tails that follow the ledger, and viewers that ask the read models.

    python -m tests.faults.reader JOURNAL SEED

Each tail keeps the fact ids that it has seen, 16 bytes each in the order of their positions, in JOURNAL.NAME.seen: what
was seen once must be what is there at the end. `DATABASE_URL` says where.
"""

import asyncio
import signal
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from application.errors import Unavailable
from application.ports.ledger import HistoryFilter
from application.projections.access import AccountStanding, Title, access
from application.projections.projection import fold_alone
from entrypoints.cli.children import end_with_parent
from entrypoints.settings import read_settings
from entrypoints.wiring import House, open_house
from tests.faults.journal import Journal, Wrong

PAGE_SIZE = 500
LOOK_SECONDS = 0.02
VIEWER_SECONDS = 0.05
REMEMBERED = 300
RECONNECT_SECONDS = 0.1

PAGE = (
    "SELECT notification_id, (convert_from(state, 'UTF8')::json ->> 'fact_id')::uuid FROM ledger.events"
    " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
)


class Tail:
    """Follows the ledger by position and sees to it that none is left out."""

    def __init__(self, name: str, journal: Path, entries: Journal) -> None:
        self.name = name
        self.position = 0
        self._entries = entries
        self._seen = journal.with_suffix(f".{name}.seen").open("wb", buffering=0)

    def see(self, found: Sequence[tuple[int, UUID]]) -> None:
        """What came after the last position: the next ones, each in its turn."""
        for position, fact_id in found:
            if position != self.position + 1:
                self._entries.write(Wrong(f"{self.name} saw {position} ({fact_id}) right after {self.position}"))
            self.position = position
        self._seen.write(b"".join(fact_id.bytes for _, fact_id in found))

    def close(self) -> None:
        self._seen.close()


class Reader:
    """The tails and viewers of one process."""

    def __init__(self, house: House, dsn: str, entries: Journal, dice: Random) -> None:
        self.stopped = asyncio.Event()
        self._house = house
        self._dsn = dsn
        self._entries = entries
        self._dice = dice
        self._known: deque[tuple[UUID, str]] = deque(maxlen=REMEMBERED)

    async def follow_by_sql(self, tail: Tail) -> None:
        """As a stranger does who knows of positions and nothing else."""
        while not self.stopped.is_set():
            try:
                async with await AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                    while not self.stopped.is_set():
                        await self._look(connection, tail)
            except psycopg.OperationalError:
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _look(self, connection: AsyncConnection[TupleRow], tail: Tail) -> None:
        cursor = await connection.execute(PAGE, (tail.position, PAGE_SIZE), prepare=True)
        found = await cursor.fetchall()
        tail.see([(position, fact_id) for position, fact_id in found])
        if len(found) < PAGE_SIZE:
            await asyncio.sleep(self._dice.random() * LOOK_SECONDS)

    async def follow_by_history(self, tail: Tail) -> None:
        """As the product's own readers do; what it shows is also what the viewers ask about."""
        while not self.stopped.is_set():
            try:
                async for entry in self._house.audit.history.facts(
                    HistoryFilter(after=tail.position), page_size=PAGE_SIZE
                ):
                    tail.see([(entry.fact.position, entry.fact.fact_id)])
                    self._remember(entry.stream, entry.fact.tag())
                    if self.stopped.is_set():
                        return
            except Unavailable:
                await asyncio.sleep(RECONNECT_SECONDS)
            await asyncio.sleep(self._dice.random() * LOOK_SECONDS)

    def _remember(self, stream: UUID, tag: str) -> None:
        if tag in {"video.created", "account.registered"} or self._dice.random() < 0.1:
            self._known.append((stream, tag.partition(".")[0]))

    async def ask_about_access(self) -> None:
        """Whoever swaps, rolls back or rebuilds meanwhile: what access says is what the facts say at that position."""
        while not self.stopped.is_set():
            await asyncio.sleep(VIEWER_SECONDS)
            if not self._known:
                continue
            stream, kind = self._dice.choice(self._known)
            try:
                if kind == "video":
                    await self._compare_title(stream)
                elif kind == "account":
                    await self._compare_standing(stream)
            except Unavailable:
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _compare_title(self, video: UUID) -> None:
        scene = await self._house.playback.access.scene(None, video)
        facts = [fact for fact in await self._house.records.ledger.read(video) if fact.position <= scene.position]
        if (expected := fold_alone(access, facts).by_key[Title].get(video)) != scene.title:
            self._entries.write(Wrong(f"at {scene.position} access says {scene.title}, and the facts {expected}"))

    async def _compare_standing(self, account: UUID) -> None:
        scene = await self._house.playback.access.scene(account, account)
        wanted = HistoryFilter(account=account, up_to=scene.position)
        facts = [entry.fact async for entry in self._house.audit.history.facts(wanted)]
        row = fold_alone(access, facts).by_key[AccountStanding].get(account)
        expected = row.standing if isinstance(row, AccountStanding) else None
        if expected != scene.standing:
            self._entries.write(Wrong(f"at {scene.position} access says {scene.standing}, and the facts {expected}"))


async def read(journal: Path, seed: str) -> None:
    """Until SIGTERM; the tails then stop where they are."""
    settings = read_settings(env_file=None)
    async with open_house(settings) as house:
        with Journal(journal) as entries:
            reader = Reader(house, settings.database_url, entries, Random(seed))  # noqa: S311 - a story
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, reader.stopped.set)
            tails = [Tail(name, journal, entries) for name in ("one", "other", "history")]
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(reader.follow_by_sql(tails[0]))
                    tasks.create_task(reader.follow_by_sql(tails[1]))
                    tasks.create_task(reader.follow_by_history(tails[2]))
                    tasks.create_task(reader.ask_about_access())
            finally:
                for tail in tails:
                    tail.close()


def main(journal: str, seed: str) -> None:
    end_with_parent()
    asyncio.run(read(Path(journal), seed))


if __name__ == "__main__":
    main(*sys.argv[1:])
