"""What happens elsewhere at the worst moment: while the provider is asked, or just before an append."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from adapters.memory.billing import MemoryBilling
from adapters.memory.ledger import MemoryLedger
from application.convergence import Convergence
from application.ports.billing import CustomerTruth
from application.ports.ledger import GuardedRow, Write
from tests.application.house import House

Interruption = Callable[[], Awaitable[object]]


def asking(convergence: Convergence, billing: Any) -> Convergence:
    """The same, that asks another provider."""
    return replace(convergence, billing=billing, hearing=replace(convergence.hearing, billing=billing))


class InterruptedBilling(MemoryBilling):
    """Something happens elsewhere while it is being asked, as often as there are interruptions."""

    def __init__(self, house: House, *interruptions: Interruption) -> None:
        super().__init__(house.business_time)
        self.__dict__.update(house.billing.__dict__)  # what the provider of the house knows, it knows
        self._interruptions = list(interruptions)

    async def truth_of(self, customer_id: str, *, within_seconds: float | None = None) -> CustomerTruth:
        truth = await super().truth_of(customer_id, within_seconds=within_seconds)
        if self._interruptions:
            await self._interruptions.pop(0)()
        return truth


class SilentBilling(MemoryBilling):
    """A provider that never says whose something is."""

    def __init__(self, house: House) -> None:
        super().__init__(house.business_time)
        self.asked_whose = asyncio.Event()

    async def customer_of(self, body: bytes) -> str | None:
        self.asked_whose.set()
        await asyncio.Event().wait()
        return await super().customer_of(body)


class InterruptedLedger:
    """Somebody else is quicker, as often as there are interruptions."""

    def __init__(self, ledger: MemoryLedger, *interruptions: Interruption) -> None:
        self.read, self.head = ledger.read, ledger.head
        self._ledger = ledger
        self._interruptions = list(interruptions)

    async def append(self, *writes: Write, rows: Sequence[GuardedRow] = ()) -> int:
        if self._interruptions:
            await self._interruptions.pop(0)()
        return await self._ledger.append(*writes, rows=rows)


class SlowBilling:
    """A provider that takes its time to answer."""

    name = "memory"

    def __init__(self, billing: MemoryBilling) -> None:
        self._billing = billing

    async def truth_of(self, customer_id: str, *, within_seconds: float | None = None) -> CustomerTruth:
        truth = await self._billing.truth_of(customer_id, within_seconds=within_seconds)
        await asyncio.sleep(0.05)
        return truth
