"""What a worker does until it is told to stop: read models, rebuilds, webhooks, intents, policies, transcoding."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

from application.ports.pacing import unhurried
from entrypoints.wiring import House, Unavailable

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RETENTION_SECONDS = 3600.0
PAUSE_AFTER_TROUBLE_SECONDS = 1.0
STOP_SECONDS = 10.0


async def work(house: House, *, also: Callable[[], Awaitable[None]] | None = None) -> None:
    """Until SIGTERM or SIGINT. Any number of workers may run; each thing is done by one of them at a time."""
    with unhurried():
        await _work(house, also)


async def _work(house: House, also: Callable[[], Awaitable[None]] | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    house.live_engine.start()
    log.info("the worker works")
    tasks = [
        asyncio.create_task(settle_webhooks(house), name="webhooks"),
        asyncio.create_task(house.policies.run(), name="policies"),
        asyncio.create_task(house.rebuilds.run(), name="requested rebuilds"),
        asyncio.create_task(sweep(house), name="sweeps"),
        asyncio.create_task(tell_what_is_due(house), name="dunning"),
        asyncio.create_task(settle_intents(house), name="intents"),
        asyncio.create_task(send_letters(house), name="letters"),
        asyncio.create_task(erase_persons(house), name="erasures"),
        asyncio.create_task(forget_the_old(house), name="retention"),
        asyncio.create_task(house.jobs.work(house.videos.transcode), name="transcoding"),
    ]
    if also is not None:
        tasks.append(asyncio.ensure_future(also()))
    try:
        await _until_stopped(stopped, tasks)
    finally:
        await asyncio.to_thread(house.live_engine.stop)


async def _until_stopped(stopped: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """A task that ends by itself ends the worker: whoever started it starts it again."""
    waiting = asyncio.create_task(stopped.wait(), name="stopped")
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, *tasks):
        task.cancel()
    await asyncio.wait([waiting, *tasks], timeout=STOP_SECONDS)
    for task in done - {waiting}:
        task.result()


async def settle_webhooks(house: House) -> None:
    """Find out whose each delivery is, and settle those whose customer is known; neither waits for the other."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_as_it_comes(house, house.finding.find_waiting))
        tasks.create_task(_as_it_comes(house, house.convergence.settle_waiting))


async def _as_it_comes(house: House, settle: Callable[[], Awaitable[int]]) -> None:
    """Settle what is due as soon as it is there, and look every second for what is due by then."""
    while True:
        arrived = house.inbox_signal.next
        try:
            while await settle():
                pass
        except Unavailable as trouble:
            log.warning("webhooks cannot be settled now", extra={"error": str(trouble)})
            await asyncio.sleep(PAUSE_AFTER_TROUBLE_SECONDS)
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await arrived.wait()
        except TimeoutError:
            continue


async def sweep(house: House) -> None:
    """Do the sweeps that are asked for within a second, and of each kind one when its time has come again."""
    settings = house.settings
    while True:
        try:
            while await house.sweeping.sweep_due(
                undelivered_seconds=settings.sweep_undelivered_seconds,
                customers_seconds=settings.sweep_customers_hours * 3600,
            ):
                pass
        except Unavailable as trouble:
            log.warning("sweeps cannot be done now", extra={"error": str(trouble)})
        await asyncio.sleep(POLL_SECONDS)


async def tell_what_is_due(house: House) -> None:
    """Record, within a second, that somebody is to be told of the end of a grace."""
    while True:
        try:
            while await house.dunning.tell_due():
                pass
        except Unavailable as trouble:
            log.warning("nobody can be told of a grace now", extra={"error": str(trouble)})
        await asyncio.sleep(POLL_SECONDS)


async def settle_intents(house: House) -> None:
    """See to what was asked of the payment provider and has no known outcome."""
    while True:
        try:
            while await house.janitor.settle_due():
                pass
        except Unavailable as trouble:
            log.warning("intents cannot be settled now", extra={"error": str(trouble)})
        await asyncio.sleep(POLL_SECONDS)


async def send_letters(house: House) -> None:
    """Send, within a second, what people are to be told."""
    while True:
        try:
            while await house.post.posting.send_due():
                pass
        except Unavailable as trouble:
            log.warning("letters cannot be sent now", extra={"error": str(trouble)})
        await asyncio.sleep(POLL_SECONDS)


async def erase_persons(house: House) -> None:
    """Erase, within a second, who has asked for it."""
    while True:
        try:
            while await house.erasing.erase_due():
                pass
        except Unavailable as trouble:
            log.warning("nobody can be erased now", extra={"error": str(trouble)})
        await asyncio.sleep(POLL_SECONDS)


async def forget_the_old(house: House) -> None:
    """Delete, every hour, what has been kept for as long as it is to be kept."""
    while True:
        try:
            while any((await house.retention.forget()).values()):
                pass
        except Unavailable as trouble:
            log.warning("old rows cannot be deleted now", extra={"error": str(trouble)})
        await asyncio.sleep(RETENTION_SECONDS)
