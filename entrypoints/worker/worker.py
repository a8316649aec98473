"""What a worker does until it is told to stop: read models, rebuilds, webhooks, intents, policies, transcoding."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from application.ports.pacing import unhurried
from entrypoints.stopping import at_first_signal
from entrypoints.wiring import House, Unavailable

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RETENTION_SECONDS = 3600.0
PAUSE_AFTER_TROUBLE_SECONDS = 1.0
NOTICE_SECONDS = 2
"""For so long a queue is asked to wait for a notice; less than what a worker has to finish."""
FINISH_SECONDS = 6.0
"""What is under way when it is told to stop has so long: a letter that was sent can be noted, and is not sent again."""
CANCEL_SECONDS = 2.0

Stopped = asyncio.Event | None
"""Each job ends what is under way once this is set, and then itself; None: it goes on until it is cancelled."""


async def work(house: House, *, also: Callable[[], Awaitable[None]] | None = None) -> None:
    """Until SIGTERM or SIGINT. Any number of workers may run; each thing is done by one of them at a time."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    with unhurried(), at_first_signal(lambda: _tell(loop, stopped)):
        await _work(house, stopped, also)


def _tell(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    loop.call_soon_threadsafe(stopped.set)


async def _work(house: House, stopped: asyncio.Event, also: Callable[[], Awaitable[None]] | None) -> None:
    house.live_engine.start()
    log.info("the worker works")
    finishing = [asyncio.create_task(job(house, stopped), name=job.__name__) for job in JOBS]
    following = [
        asyncio.create_task(house.policies.run(), name="policies"),
        asyncio.create_task(house.rebuilds.run(), name="requested rebuilds"),
        asyncio.create_task(_transcode_all(house), name="transcoding"),
    ]
    if also is not None:
        following.append(asyncio.create_task(_called(also), name="also"))
    try:
        await _until_stopped(stopped, finishing, following)
    finally:
        await asyncio.to_thread(house.live_engine.stop)


async def _until_stopped(
    stopped: asyncio.Event, finishing: list[asyncio.Task[None]], following: list[asyncio.Task[None]]
) -> None:
    """A task that ends by itself ends the worker: whoever started it starts it again.

    Some finish what is under way; those that follow something can break off anywhere, and are cancelled at once.
    """
    waiting = asyncio.create_task(stopped.wait(), name="stopped")
    done, _ = await asyncio.wait([waiting, *finishing, *following], return_when=asyncio.FIRST_COMPLETED)
    stopped.set()
    for follower in following:
        follower.cancel()
    _, late = await asyncio.wait(finishing, timeout=FINISH_SECONDS)
    for job in late:
        job.cancel()
    await asyncio.wait([waiting, *finishing, *following], timeout=CANCEL_SECONDS)
    for ended in done - {waiting}:
        ended.result()


async def _transcode_all(house: House) -> None:
    await house.jobs.work(lambda video_id: _transcode(house, video_id), give_up=house.videos.give_up)


async def _transcode(house: House, video_id: UUID) -> None:
    with house.steps.step("transcode"):
        await house.videos.transcode(video_id)


async def _called(also: Callable[[], Awaitable[None]]) -> None:
    await also()


async def settle_webhooks(house: House, stopped: Stopped = None) -> None:
    """Find out whose each delivery is, and settle those whose customer is known; neither waits for the other."""
    stopped = stopped or asyncio.Event()

    def arrival() -> asyncio.Event:
        return house.inbox_signal.next

    async with asyncio.TaskGroup() as tasks:
        for name, settle in (
            ("find_webhooks", house.finding.find_waiting),
            ("settle_webhooks", house.convergence.settle_waiting),
            ("settle_videos", house.following_videos.settle_waiting),
        ):
            tasks.create_task(_as_it_comes(house, stopped, name, settle, arrival, "webhooks cannot be settled now"))


async def do_platform_tasks(house: House, stopped: Stopped = None) -> None:
    """Have the video platforms do what is asked of them, as it comes; what fails is tried again later."""
    await _as_it_comes(
        house,
        stopped or asyncio.Event(),
        "do_platform_tasks",
        house.watching.platform_work.do_due,
        lambda: house.platform_signal.next,
        "video platforms cannot be asked to do anything now",
    )


async def _as_it_comes(
    house: House,
    stopped: asyncio.Event,
    name: str,
    settle: Callable[[], Awaitable[int]],
    arrival: Callable[[], asyncio.Event],
    cannot: str,
) -> None:
    """Settle what is due as soon as it is there, and look every second for what is due by then."""
    while not stopped.is_set():
        arrived = arrival()
        try:
            while not stopped.is_set() and await _step(house, name, settle):
                pass
        except Unavailable as trouble:
            log.warning(cannot, extra={"error": str(trouble)})
            await _pause(stopped, PAUSE_AFTER_TROUBLE_SECONDS)
        try:
            async with asyncio.timeout(0 if stopped.is_set() else POLL_SECONDS):
                await arrived.wait()
        except TimeoutError:
            continue


async def sweep(house: House, stopped: Stopped = None) -> None:
    """Do the sweeps that are asked for within a second, and of each kind one when its time has come again."""
    settings = house.settings

    async def sweep_due() -> object:
        return await house.sweeping.sweep_due(
            undelivered_seconds=settings.sweep_undelivered_seconds,
            customers_seconds=settings.sweep_customers_hours * 3600,
        )

    await _again_and_again(house, stopped, sweep_due, "sweeps cannot be done now", name="sweep")


async def ask_about_videos(house: House, stopped: Stopped = None) -> None:
    """Ask the platforms, every few minutes, about videos of which no notice came."""

    async def ask() -> bool:
        await house.following_videos.ask_about_unheard()
        return False

    await _again_and_again(
        house,
        stopped,
        ask,
        "video platforms cannot be asked now",
        name="ask_about_videos",
        pause_seconds=house.settings.sweep_videos_seconds,
    )


async def hear_of_uploads(house: House, stopped: Stopped = None) -> None:
    """Fetch the notices of uploads, where a queue has them, as they come."""

    async def hear() -> int:
        return await house.following_videos.hear_of_uploads(seconds=NOTICE_SECONDS)

    if house.following_videos.notices is not None:
        await _again_and_again(house, stopped, hear, "notices of uploads cannot be fetched now", name="hear_of_uploads")
    elif stopped is not None:
        await stopped.wait()


async def tell_what_is_due(house: House, stopped: Stopped = None) -> None:
    """Record, within a second, that somebody is to be told of the end of a grace."""
    await _again_and_again(
        house, stopped, house.dunning.tell_due, "nobody can be told of a grace now", name="tell_what_is_due"
    )


async def settle_intents(house: House, stopped: Stopped = None) -> None:
    """See to what was asked of the payment provider and has no known outcome."""
    await _again_and_again(
        house, stopped, house.janitor.settle_due, "intents cannot be settled now", name="settle_intents"
    )


async def send_letters(house: House, stopped: Stopped = None) -> None:
    """Send, within a second, what people are to be told."""
    await _again_and_again(
        house, stopped, house.post.posting.send_due, "letters cannot be sent now", name="send_letters"
    )


async def erase_persons(house: House, stopped: Stopped = None) -> None:
    """Erase, within a second, who has asked for it."""
    await _again_and_again(house, stopped, house.erasing.erase_due, "nobody can be erased now", name="erase_persons")


async def forget_the_old(house: House, stopped: Stopped = None) -> None:
    """Delete, every hour, what has been kept for as long as it is to be kept."""

    async def forget() -> bool:
        return any((await house.retention.forget()).values())

    await _again_and_again(
        house,
        stopped,
        forget,
        "old rows cannot be deleted now",
        name="forget_the_old",
        pause_seconds=RETENTION_SECONDS,
    )


async def _again_and_again(
    house: House,
    stopped: Stopped,
    act: Callable[[], Awaitable[object]],
    trouble: str,
    *,
    name: str,
    pause_seconds: float = POLL_SECONDS,
) -> None:
    """Act for as long as there is something to do, then look again after a pause; `trouble` is said in the log."""
    stopped = stopped or asyncio.Event()
    while not stopped.is_set():
        try:
            while not stopped.is_set() and await _step(house, name, act):
                pass
        except Unavailable as unavailable:
            log.warning(trouble, extra={"error": str(unavailable)})
        await _pause(stopped, pause_seconds)


async def _step(house: House, name: str, act: Callable[[], Awaitable[object]]) -> object:
    with house.steps.step(name) as this:
        done = await act()
        this.idle = not done
        return done


async def _pause(stopped: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        return


JOBS = (
    settle_webhooks,
    sweep,
    ask_about_videos,
    do_platform_tasks,
    hear_of_uploads,
    tell_what_is_due,
    settle_intents,
    send_letters,
    erase_persons,
    forget_the_old,
)
