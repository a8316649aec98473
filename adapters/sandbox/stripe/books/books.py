"""All that the simulator remembers, and the one lock under which it changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.sandbox.stripe.books.answers import Answers
from adapters.sandbox.stripe.books.database import Database
from adapters.sandbox.stripe.books.outbox import Outbox
from adapters.sandbox.stripe.books.store import Store


class Books:
    """To be opened before anything else, and closed by who opened them."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.store = Store(self.database)
        self.outbox = Outbox(self.database)
        self.answers = Answers(self.database)
        self.lock = asyncio.Lock()

    def open(self) -> None:
        self.database.open()

    def close(self) -> None:
        self.database.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """All changes made inside, or none. Nothing may be awaited inside."""
        async with self.lock:
            with self.database.transaction():
                yield
