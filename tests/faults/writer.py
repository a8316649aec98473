"""A process that appends through the product's own wiring, and keeps a journal: `DATABASE_URL` says where.

    python -m tests.faults.writer JOURNAL SEED CALLERS PAUSE_MILLISECONDS

Its callers write to streams of their own, to several at once, to streams that the other writers write to as well, with
rows that are taken or fenced, from versions that are wrong on purpose; and some go away before they are answered.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from uuid import uuid4

from application.errors import OutcomeUnknown, Unavailable
from application.ports.ledger import GuardedRow, Insert, InsertOnce, RowMoved, RowTaken, StreamMoved, UpdateIf, Write
from domain.shared.identity import derived_id
from entrypoints.cli.children import end_with_parent
from entrypoints.settings import read_settings
from entrypoints.wiring import House, open_house
from tests.faults.journal import Answered, Asked, Journal, Outcome, Wrong
from tests.faults.lives import Life, PlanLife, SubscriberLife, VideoLife, video_fact

LIVES_MAX = 12
SHARED_VIDEOS = 8
CLAIMS = 4_000
FENCES = 4
LOOKED_AT = 0.1
CLAIM, FENCE = "fault", "faults"
ANSWER_SECONDS_MAX = 15.0
"""An append is answered within 10 s; the rest is for a machine that has other work."""


class Writer:
    """All callers of one process; what they share is the journal and the number of the next append."""

    def __init__(self, house: House, journal: Journal, pause_seconds: float) -> None:
        self.house = house
        self.ledger = house.records.ledger
        self.journal = journal
        self.stopped = asyncio.Event()
        self._pause_seconds = pause_seconds
        self._number = 0
        self._epochs = [0] * FENCES

    async def call(self, dice: Random) -> None:
        """One caller, until it is told to stop."""
        lives: list[Life] = []
        while not self.stopped.is_set():
            try:
                await self._deed(dice, lives)
            except Unavailable:
                await asyncio.sleep(0.1)  # It could not be read what is to be gone on with.
            except Exception as trouble:
                self.journal.write(Wrong(f"a writer: {trouble!r}"))
                raise
            await asyncio.sleep(dice.expovariate(1 / self._pause_seconds))

    async def _deed(self, dice: Random, lives: list[Life]) -> None:
        kind = dice.choices(("own", "several", "shared", "claim", "fence", "late", "leave"), (50, 12, 15, 8, 8, 4, 3))[
            0
        ]
        match kind:
            case "shared":
                await self._race(dice)
            case "claim":
                await self._claim(dice)
            case "fence":
                await self._fence(dice)
            case "late":
                await self._from_a_wrong_version(dice)
            case _:
                chosen = dice.sample(lives, min(len(lives), dice.randrange(2, 5))) if kind == "several" else []
                unknown = await self._go_on(chosen or [_any_life(dice, lives)], dice, leaves=kind == "leave")
                # It may be recorded even later than it is looked for.
                lives[:] = [life for life in lives if life not in unknown]

    async def _go_on(self, chosen: Sequence[Life], dice: Random, *, leaves: bool) -> Sequence[Life]:
        """Nobody else writes to these, so that they can be neither ahead nor behind; those of which nobody knows."""
        told = [(life, life.next(dice)) for life in chosen]
        writes = [write for _, some in told for write in some]
        outcome = await self._append(writes, alone=True, leave_after=dice.random() * 0.01 if leaves else None)
        if outcome == "unknown":
            return chosen
        if outcome == "recorded":
            for life, some in told:
                life.written(some)
            if dice.random() < LOOKED_AT:
                await self._look_at(chosen[0])
        return []

    async def _look_at(self, life: Life) -> None:
        """What access says of it is what was just acknowledged."""
        if not isinstance(life, VideoLife):
            return
        title = (await self.house.playback.access.scene(None, life.streams[0])).title
        if title is None or title.published != life.published:
            self.journal.write(Wrong(f"access is behind: video {life.streams[0]} at {life.versions} is {title}"))

    async def _race(self, dice: Random) -> None:
        """Read, decide, append, as other processes do to the same stream at the same time."""
        video = derived_id("shared", dice.randrange(SHARED_VIDEOS))
        version = len(await self.ledger.read(video))
        await self._append([Write(video, version, [video_fact(video, version, dice)])])

    async def _claim(self, dice: Random) -> None:
        """A new video that wants a name, which may be taken; the row names the fact that it was taken with."""
        name = f"name-{dice.randrange(CLAIMS)}"
        write = self._new_video(dice)
        row = {"kind": CLAIM, "blind_index": name.encode(), "owner": write.facts[0].fact_id}
        await self._append([write], rows=[Insert("claims", row)], claim=name)

    async def _fence(self, dice: Random) -> None:
        """A new video, and an epoch one higher, which somebody else may have taken first."""
        number = dice.randrange(FENCES)
        epoch, place = self._epochs[number], {"provider": FENCE, "customer_id": f"fence-{number}"}
        first = InsertOnce("customer_fences", {**place, "epoch": 0})
        higher = UpdateIf("customer_fences", where={**place, "epoch": epoch}, values={"epoch": epoch + 1})
        outcome = await self._append([self._new_video(dice)], rows=[first, higher], fence=place["customer_id"])
        if outcome in {"recorded", "refused"}:
            self._epochs[number] = max(self._epochs[number], epoch + 1)

    async def _from_a_wrong_version(self, dice: Random) -> None:
        write = self._new_video(dice)
        late = Write(write.stream, dice.randrange(1, 5), write.facts)
        if await self._append([self._new_video(dice), late]) == "recorded":
            self.journal.write(Wrong(f"recorded from a version that is not: {late}"))

    @staticmethod
    def _new_video(dice: Random) -> Write:
        video = uuid4()
        return Write(video, 0, [video_fact(video, 0, dice)])

    async def _append(
        self,
        writes: Sequence[Write],
        *,
        rows: Sequence[GuardedRow] = (),
        claim: str = "",
        fence: str = "",
        alone: bool = False,
        leave_after: float | None = None,
    ) -> Outcome:
        """Say what is asked, ask for it, say what was answered; `leave_after` seconds the caller goes away."""
        self._number += 1
        number, started = self._number, time.monotonic()
        facts = tuple(fact.fact_id for write in writes for fact in write.facts)
        self.journal.write(Asked(number, facts, claim=claim, fence=fence, alone=alone))
        position, why = 0, ""
        outcome: Outcome = "unknown"
        try:
            async with asyncio.timeout(leave_after):
                position, outcome = await self.ledger.append(*writes, rows=rows), "recorded"
        except (StreamMoved, RowTaken, RowMoved) as refused:
            outcome, why = "refused", repr(refused)
        except (OutcomeUnknown, TimeoutError) as unknown:
            why = repr(unknown)
        except Unavailable as unavailable:
            outcome, why = "unavailable", repr(unavailable)
        seconds = time.monotonic() - started
        self.journal.write(Answered(number, outcome, round(seconds, 4), position, why))
        if seconds > ANSWER_SECONDS_MAX:
            self.journal.write(Wrong(f"an append was answered after {seconds:.1f} s: {outcome} {why}"))
        return outcome


def _any_life(dice: Random, lives: list[Life]) -> Life:
    """One of the caller's own; now and then a new one, in the place of an old one."""
    if len(lives) < LIVES_MAX or dice.random() < 0.05:
        if len(lives) >= LIVES_MAX:
            lives.pop(dice.randrange(len(lives)))
        kind = dice.choices((VideoLife, PlanLife, SubscriberLife), (70, 10, 20))[0]
        lives.append(kind(uuid4()))
    return dice.choice(lives)


async def write(journal: Path, seed: str, callers: int, pause_seconds: float) -> None:
    """Until SIGTERM."""
    settings = read_settings(env_file=None)
    async with open_house(settings) as house:
        with Journal(journal) as kept:
            writer = Writer(house, kept, pause_seconds)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, writer.stopped.set)
            async with asyncio.TaskGroup() as tasks:
                for caller in range(callers):
                    tasks.create_task(writer.call(Random(f"{seed}/{caller}")))  # noqa: S311 - a story


def main(journal: str, seed: str, callers: str, pause_milliseconds: str) -> None:
    end_with_parent()
    asyncio.run(write(Path(journal), seed, int(callers), float(pause_milliseconds) / 1000))


if __name__ == "__main__":
    main(*sys.argv[1:])
