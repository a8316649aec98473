"""Passwords hashed by Argon2id in a small pool of threads, so that a flood of sign-ins leaves the rest running."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from adapters.crypto import weak_passwords
from application.ports.secrets import TooBusy

R = TypeVar("R")

PASSWORD_CHARACTERS_MAX = 128


class Argon2Passwords:
    """Argon2id with 19 MiB, 2 rounds and 1 lane (the OWASP Password Storage Cheat Sheet), some 20 ms of one core.

    A password is taken as received: neither trimmed, nor normalised, nor cut. Above 128 characters `hash` raises
    ValueError and `verify` says no; the caller checks the rest of the rules.
    """

    def __init__(self, *, threads: int = 2, waiting_max: int = 64) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobodys = self._hasher.hash(secrets.token_bytes(32))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._places = BoundedSemaphore(threads + waiting_max)

    async def hash(self, password: str) -> str:
        """Raises TooBusy."""
        if len(password) > PASSWORD_CHARACTERS_MAX:
            raise ValueError(f"a password has at most {PASSWORD_CHARACTERS_MAX} characters, this one {len(password)}")
        return await self._in_pool(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """As slow for an unknown account (None) as for a known one. Raises TooBusy."""
        if len(password) > PASSWORD_CHARACTERS_MAX:
            return False
        matches = await self._in_pool(lambda: self._matches(_bytes(password), hashed or self._nobodys))
        return matches and hashed is not None

    async def is_weak(self, password: str, *, known: tuple[str, ...] = ()) -> bool:
        """Raises TooBusy: the estimate takes as long as a hash."""
        return await self._in_pool(lambda: weak_passwords.is_weak(password, known))

    def close(self) -> None:
        """Drops what waits; what runs is done in a moment."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _in_pool(self, work: Callable[[], R]) -> R:
        if not self._places.acquire(blocking=False):
            raise TooBusy("as many passwords as may wait are waiting to be hashed")
        future = self._pool.submit(work)
        # Its place is free again when the work has ended, also where the one who asked has gone.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def _matches(self, password: bytes, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except VerifyMismatchError:
            return False


def _bytes(password: str) -> bytes:
    # A password typed in another encoding reaches us with lone surrogates; it is a password all the same.
    return password.encode("utf-8", "surrogatepass")
