"""What the sandbox server asks of a simulated provider: its routes, and what runs beside them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Router

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


class Simulator(Router):
    """A router whose `lifespan` must be entered for it to work.

    Litestar copies a router deeply when it is mounted, so what a simulator remembers must be reached through functions
    (which are not copied): its dependencies, and this lifespan.
    """

    def __init__(self, *, lifespan: Lifespan, **router: Any) -> None:
        super().__init__(**router)
        self.lifespan = lifespan
