"""Asking Stripe: a deadline over all that one call of the port takes, and errors as the application knows them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import stripe

from adapters.stripe.refusals import translated
from adapters.stripe.transport import ONCE_WITHIN_SECONDS
from adapters.stripe.units import Unsayable
from application.errors import ProviderUnavailable

log = logging.getLogger(__name__)

# For one call of the port with all its requests, retries and pages.
DEADLINE_SECONDS = 60.0
PAGE_SIZE = 100
PAGES_MAX = 10

T = TypeVar("T")


@asynccontextmanager
async def asking(within_seconds: float | None = None) -> AsyncIterator[None]:
    """Whatever the SDK raises inside becomes ProviderUnavailable or ProviderRefused.

    With `within_seconds` each request inside is sent once, and has no longer.
    """
    token = ONCE_WITHIN_SECONDS.set(within_seconds)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield
    except stripe.StripeError as error:
        raise translated(error) from error
    except TimeoutError:
        raise ProviderUnavailable(f"Stripe did not answer within {DEADLINE_SECONDS:.0f} s.") from None
    except (msgspec.ValidationError, AttributeError, Unsayable) as error:
        # AttributeError is how the SDK's objects say that an answer lacks a field.
        raise ProviderUnavailable(f"Stripe's answer cannot be read: {error}") from error
    finally:
        ONCE_WITHIN_SECONDS.reset(token)


async def all_pages(first: Awaitable[stripe.ListObject[Any]], kind: type[T]) -> list[T]:
    """The newest of a kind, made of the maps in the SDK's objects: those are no dicts, and typed for one version."""
    page = await first
    found = [*page.data]
    for _ in range(PAGES_MAX - 1):
        if not page.has_more:
            break
        page = await page.next_page_async()
        found += page.data
    if page.has_more:
        log.warning("of a customer's %s only the newest %d were read", page.url, len(found))
    return [msgspec.convert(one.to_dict(), kind) for one in found]
