"""Replaying the ledger while its database goes away and comes back."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import pytest

from adapters.memory.ledger import MemoryLedger
from adapters.memory.tables import MemoryTables
from application.audit import Audit, ReplayCutShort
from application.errors import DatabaseUnavailable
from application.ports.ledger import HistoryFilter, Recorded, Unreadable, Write
from domain.account.account import AccountDisabled, AccountEnabled
from tests.people import ANNA, StoppedClock

pytestmark = pytest.mark.anyio

FACTS = 20
NO_PAUSES = (0.0, 0.0, 0.0)


class Interrupted:
    """A history whose database goes away after so many facts, once for each number."""

    def __init__(self, ledger: MemoryLedger, after_facts: Sequence[int]) -> None:
        self._ledger = ledger
        self._after_facts = list(after_facts)
        self.asked: list[int] = []

    async def bounded(self, wanted: HistoryFilter) -> HistoryFilter:
        return await self._ledger.bounded(wanted)

    def facts(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded]:
        return self._ledger.facts(wanted, page_size=page_size)

    async def entries(self, wanted: HistoryFilter, *, page_size: int = 500) -> AsyncIterator[Recorded | Unreadable]:
        self.asked.append(wanted.after)
        left = self._after_facts.pop(0) if self._after_facts else FACTS + 1
        async for recorded in self._ledger.facts(wanted):
            if left == 0:
                raise DatabaseUnavailable("The database does not answer now.")
            left -= 1
            yield recorded

    async def of_account(self, account_id: UUID, *, until: datetime | None = None) -> Sequence[Recorded]:
        return await self._ledger.of_account(account_id, until=until)


@pytest.fixture
async def ledger() -> MemoryLedger:
    ledger = MemoryLedger(StoppedClock(), MemoryTables())
    for version in range(FACTS):
        kind = AccountEnabled if version % 2 else AccountDisabled
        await ledger.append(Write(ANNA, version, [kind(account_id=ANNA, reason="asked to")]))
    return ledger


async def replayed(history: Interrupted, wanted: HistoryFilter, seen: list[int]) -> None:
    audit = Audit(history=history, replay_pauses_seconds=NO_PAUSES)
    async for recorded in audit.replay(await audit.bounded(wanted)):
        seen.append(recorded.position)  # noqa: PERF401 - what came before a failure counts


async def test_it_goes_on_behind_the_last_fact_and_gives_each_once(ledger: MemoryLedger) -> None:
    history, seen = Interrupted(ledger, [3, 0, 5, 1]), list[int]()

    await replayed(history, HistoryFilter(after=2, up_to=18), seen)

    assert seen == list(range(3, 19))
    assert history.asked == [2, 5, 5, 10, 11]


async def test_what_is_recorded_meanwhile_is_left_out(ledger: MemoryLedger) -> None:
    audit, seen = Audit(history=Interrupted(ledger, [5]), replay_pauses_seconds=NO_PAUSES), list[int]()

    async for recorded in audit.replay(await audit.bounded(HistoryFilter())):
        seen.append(recorded.position)
        await ledger.append(Write(ANNA, await ledger.head(), [AccountEnabled(account_id=ANNA, reason="asked to")]))

    assert seen == list(range(1, FACTS + 1))


async def test_a_database_that_stays_away_is_given_up_with_the_position_reached(ledger: MemoryLedger) -> None:
    history, seen = Interrupted(ledger, [1, 7, 0, 0, 0]), list[int]()

    with pytest.raises(ReplayCutShort, match="beyond position 8 is missing") as cut_short:
        await replayed(history, HistoryFilter(), seen)

    assert (seen, cut_short.value.reached) == (list(range(1, 9)), 8)
    assert history.asked == [0, 1, 8, 8, 8]


async def test_a_try_that_gave_a_fact_earns_all_the_pauses_again(ledger: MemoryLedger) -> None:
    history, seen = Interrupted(ledger, [1] * (FACTS - 1)), list[int]()

    await replayed(history, HistoryFilter(), seen)

    assert seen == list(range(1, FACTS + 1))
