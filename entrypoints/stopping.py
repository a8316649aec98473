"""How a process is asked to end: the first signal ends it in peace, another at once."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def at_first_signal(act: Callable[[], None]) -> Generator[None]:
    """The first SIGTERM or Ctrl-C inside is answered by `act`, between two instructions of the main thread.

    The next one has its usual effect: the process ends, there and then.
    """

    def catch(_: int, __: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        act()

    before = {number: signal.signal(number, catch) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
