"""Erases whoever is due, and is killed after a step: `python -m tests.http.erasing_process DSN DATA_DIR PORT STEP`."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from entrypoints.settings import Settings
from entrypoints.wiring import open_house

STEPS = (
    "cancel",
    "forget_sign_ins",
    "forget_letters",
    "forget_deliveries",
    "forget_plays",
    "forget_answers",
    "forget_about",
    "forget",
    "shred",
)


class Deadly:
    """Does what the other does, and dies as soon as one of its methods has."""

    def __init__(self, other: Any, last: str) -> None:
        self._other, self._last = other, last

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Awaitable[Any]] = getattr(self._other, name)
        return self._and_die(method) if name == self._last else method

    def _and_die(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def dying(*given: Any, **named: Any) -> None:
            await method(*given, **named)
            os.kill(os.getpid(), signal.SIGKILL)

        return dying


async def main(dsn: str, data_dir: str, sandbox_port: str, last: str) -> None:
    settings = Settings(
        data_dir=Path(data_dir), database_url=dsn, sandbox_port=int(sandbox_port), sandbox_clock=True, port=1
    )
    async with open_house(settings, dsn, prepare=False) as house:
        erasing = house.erasing
        named: dict[str, Any] = {
            name: Deadly(getattr(erasing, name), last)
            for name in ("rows", "nobodys", "subscriptions", "throttling", "vault")
        }
        mortal = replace(erasing, **named)
        await mortal.erase_due()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
