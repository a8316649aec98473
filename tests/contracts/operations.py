"""Everything operational around one ledger, in memory or in PostgreSQL, for the suites that run on both."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import psycopg
import pytest

from adapters.memory.account_reads import MemoryAccountReads
from adapters.memory.checkout_turns import MemoryCheckoutTurns
from adapters.memory.customers import MemoryCustomers
from adapters.memory.inbox import MemoryInbox
from adapters.memory.inbox_desk import MemoryInboxDesk
from adapters.memory.intents import MemoryIntents
from adapters.memory.ledger import MemoryLedger
from adapters.memory.platform_tasks import MemoryPlatformTasks
from adapters.memory.play_sessions import MemoryPlaySessions
from adapters.memory.reads import (
    MemoryAccessReads,
    MemoryCatalogueReads,
    MemoryGraceReads,
    MemoryPaymentReads,
    MemoryPlanReads,
    MemoryPositions,
)
from adapters.memory.secrets import MemoryBlindIndex
from adapters.memory.sign_ins import MemorySignIns
from adapters.memory.sweeps import MemorySweeps
from adapters.memory.tables import MemoryTables
from adapters.memory.unnamed import MemoryUnnamedDeliveries
from adapters.memory.vault import MemoryVault
from adapters.postgres.account_reads import PostgresAccountReads
from adapters.postgres.checkout_turns import PostgresCheckoutTurns
from adapters.postgres.customers import PostgresCustomers
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.inbox_desk import PostgresInboxDesk
from adapters.postgres.intents import PostgresIntents
from adapters.postgres.listening import READ_MODELS, READ_MODELS_SWAPPED, Listener
from adapters.postgres.live_generations import LiveGenerations
from adapters.postgres.platform_tasks import PostgresPlatformTasks
from adapters.postgres.play_sessions import PostgresPlaySessions
from adapters.postgres.pool import CONNECTION_ARGUMENTS, new_pool
from adapters.postgres.positions import PostgresPositions
from adapters.postgres.reads import (
    PostgresAccessReads,
    PostgresCatalogueReads,
    PostgresGraceReads,
    PostgresPaymentReads,
    PostgresPlanReads,
)
from adapters.postgres.sign_ins import PostgresSignIns
from adapters.postgres.sweeps import PostgresSweeps
from adapters.postgres.unnamed import PostgresUnnamedDeliveries
from application.ports.checkouts import CheckoutTurns
from application.ports.inbox import Customers, Inbox, InboxDesk, UnnamedDeliveries
from application.ports.intents import Intents
from application.ports.ledger import Ledger
from application.ports.platform_tasks import PlatformTasks
from application.ports.play_sessions import PlaySessions
from application.ports.reads import (
    AccessReads,
    AccountReads,
    CatalogueReads,
    GraceReads,
    PaymentReads,
    PlanReads,
    Positions,
)
from application.ports.secrets import BlindIndex
from application.ports.sign_in import SignIns
from application.ports.sweeps import Sweeps
from application.projections.every import PROJECTIONS
from tests.adapters.eventstore.house import LedgerHouse, ledger_house
from tests.people import StoppedClock


@dataclass
class Operations:
    """`follow` lets the read models that follow the ledger come to its head."""

    clock: StoppedClock
    ledger: Ledger
    blind_index: BlindIndex
    sign_ins: SignIns
    inbox: Inbox
    unnamed: UnnamedDeliveries
    desk: InboxDesk
    sweeps: Sweeps
    intents: Intents
    turns: CheckoutTurns
    customers: Customers
    platform_tasks: PlatformTasks
    play_sessions: PlaySessions
    access: AccessReads
    accounts: AccountReads
    catalogue: CatalogueReads
    graces: GraceReads
    payments: PaymentReads
    plans: PlanReads
    positions: Positions
    follow: Callable[[], None]


def operations_in(request: pytest.FixtureRequest, database: str) -> AbstractAsyncContextManager[Operations]:
    """By the parameter `memory` or `postgres`; `database` is the fixture that gives the latter's DSN."""
    if request.param == "memory":
        return memory_operations()
    return postgres_operations(request.getfixturevalue(database))


@asynccontextmanager
async def memory_operations() -> AsyncIterator[Operations]:
    clock, tables, blind_index = StoppedClock(), MemoryTables(), MemoryBlindIndex()
    inbox = MemoryInbox(tables, StoppedClock())
    ledger = MemoryLedger(clock, tables, *PROJECTIONS.values())
    sign_ins = MemorySignIns(tables, ledger)
    yield Operations(
        clock=clock,
        ledger=ledger,
        blind_index=blind_index,
        sign_ins=sign_ins,
        inbox=inbox,
        unnamed=MemoryUnnamedDeliveries(tables, inbox, StoppedClock()),
        desk=MemoryInboxDesk(tables, inbox, StoppedClock()),
        sweeps=MemorySweeps(tables, StoppedClock()),
        intents=MemoryIntents(tables, clock),
        turns=MemoryCheckoutTurns(tables),
        customers=MemoryCustomers(tables, blind_index, StoppedClock()),
        platform_tasks=MemoryPlatformTasks(clock),
        play_sessions=MemoryPlaySessions(tables),
        access=MemoryAccessReads(ledger, sign_ins),
        accounts=MemoryAccountReads(ledger, tables),
        catalogue=MemoryCatalogueReads(ledger),
        graces=MemoryGraceReads(ledger),
        payments=MemoryPaymentReads(ledger),
        plans=MemoryPlanReads(ledger),
        positions=MemoryPositions(ledger),
        follow=lambda: None,
    )


@asynccontextmanager
async def postgres_operations(dsn: str) -> AsyncIterator[Operations]:
    clock, blind_index = StoppedClock(), MemoryBlindIndex()
    async with (
        ledger_house(dsn, clock) as house,
        new_pool(dsn, size=4) as pool,
        Listener(dsn, READ_MODELS, READ_MODELS_SWAPPED) as listener,
    ):
        live = LiveGenerations(pool, listener.signal(READ_MODELS_SWAPPED))
        yield Operations(
            clock=clock,
            ledger=house.ledger,
            blind_index=blind_index,
            sign_ins=PostgresSignIns(pool, live),
            inbox=PostgresInbox(pool, MemoryVault()),
            unnamed=PostgresUnnamedDeliveries(pool),
            desk=PostgresInboxDesk(pool),
            sweeps=PostgresSweeps(pool),
            intents=PostgresIntents(pool),
            turns=PostgresCheckoutTurns(pool, blind_index),
            customers=PostgresCustomers(pool, blind_index),
            platform_tasks=PostgresPlatformTasks(pool),
            play_sessions=PostgresPlaySessions(pool),
            access=PostgresAccessReads(pool, live),
            accounts=PostgresAccountReads(pool, live, blind_index),
            catalogue=PostgresCatalogueReads(pool, live),
            graces=PostgresGraceReads(pool, live),
            payments=PostgresPaymentReads(pool, live),
            plans=PostgresPlanReads(pool, live),
            positions=PostgresPositions(pool, listener),
            follow=lambda: follow(house),
        )


def follow(house: LedgerHouse) -> None:
    """One page of every read model that follows: more than a test records."""
    with psycopg.connect(house.dsn, **CONNECTION_ARGUMENTS) as connection:  # type: ignore[arg-type]
        for projection in house.read_models.projections.values():
            if not projection.inline:
                house.read_models.advance(connection, projection)
