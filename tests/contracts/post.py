"""Codes and letters around one ledger, in memory or in PostgreSQL, for the suites that run on both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from adapters.crypto.code_secrets import HmacCodeSecrets
from adapters.crypto.master_keys import MasterKeys
from adapters.memory.ledger import MemoryLedger
from adapters.memory.letters import MemoryCodes, MemoryLetters
from adapters.memory.secrets import MemoryBlindIndex
from adapters.memory.tables import MemoryTables
from adapters.memory.vault import MemoryVault
from adapters.postgres.clock import RealClock
from adapters.postgres.codes import PostgresCodes
from adapters.postgres.letters import PostgresLetters
from adapters.postgres.pool import new_pool
from application.ports.codes import Codes
from application.ports.ledger import Ledger
from application.ports.letters import Channel, Letters
from application.projections.every import PROJECTIONS
from application.sealed_letters import SealedLetters
from tests.adapters.eventstore.house import ledger_house
from tests.contracts.members import claim_of
from tests.people import ANNA, BORIS

EMAIL: frozenset[Channel] = frozenset({"email"})
BOTH: frozenset[Channel] = frozenset({"email", "sms"})
SECRETS = HmacCodeSecrets(MasterKeys({"m": bytes(32)}))


class RandomIdentifiers:
    def new(self) -> UUID:
        return uuid4()


def sealed_letters() -> SealedLetters:
    return SealedLetters(
        vault=MemoryVault(), blind_index=MemoryBlindIndex(), secrets=SECRETS, identifiers=RandomIdentifiers()
    )


@dataclass
class Post:
    """`mailbox` keeps what it has sent; `letters_by_mail` and `codes_by_mail` have no way out for text messages."""

    ledger: Ledger
    sealed: SealedLetters
    codes: Codes
    letters: Letters
    mailbox: Letters
    letters_by_mail: Letters
    codes_by_mail: Codes


@asynccontextmanager
async def post_in(request: pytest.FixtureRequest) -> AsyncIterator[Post]:
    """By the parameter `memory` or `postgres`; Anna and Boris have accounts."""
    opening = memory_post() if request.param == "memory" else postgres_post(request.getfixturevalue("database"))
    async with opening as post:
        await post.ledger.append(rows=[claim_of(ANNA), claim_of(BORIS)])
        yield post


@asynccontextmanager
async def memory_post() -> AsyncIterator[Post]:
    tables, sealed, clock = MemoryTables(), sealed_letters(), RealClock()
    yield Post(
        ledger=MemoryLedger(clock, tables, *PROJECTIONS.values()),
        sealed=sealed,
        codes=MemoryCodes(tables, sealed),
        letters=MemoryLetters(tables, sealed, clock),
        mailbox=MemoryLetters(tables, sealed, clock, keep_texts=True),
        letters_by_mail=MemoryLetters(tables, sealed, clock, open_channels=EMAIL),
        codes_by_mail=MemoryCodes(tables, sealed, open_channels=EMAIL),
    )


@asynccontextmanager
async def postgres_post(dsn: str) -> AsyncIterator[Post]:
    sealed = sealed_letters()
    async with ledger_house(dsn) as house, new_pool(dsn, size=8) as pool:
        yield Post(
            ledger=house.ledger,
            sealed=sealed,
            codes=PostgresCodes(pool, sealed, open_channels=BOTH),
            letters=PostgresLetters(pool, sealed, open_channels=BOTH),
            mailbox=PostgresLetters(pool, sealed, open_channels=BOTH, keep_texts=True),
            letters_by_mail=PostgresLetters(pool, sealed, open_channels=EMAIL),
            codes_by_mail=PostgresCodes(pool, sealed, open_channels=EMAIL),
        )
