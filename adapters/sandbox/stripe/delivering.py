"""A simulated provider while it runs: its books are open, and what it tells is on its way."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from adapters.sandbox.stripe.books.books import Books
from adapters.sandbox.stripe.courier import Courier


@asynccontextmanager
async def delivering(books: Books, courier: Courier, *beside: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Opens the books, and keeps delivering until it is left; whatever else it does all the time goes on beside."""
    books.open()
    tasks = [asyncio.create_task(each) for each in (courier.run(), *beside)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        books.close()
