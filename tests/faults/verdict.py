"""What the journals say against what the ledger holds."""

from collections import Counter
from pathlib import Path
from uuid import UUID

from tests.faults.journal import Answered, Asked, JournalReader, Wrong
from tests.faults.ledger import Snapshot

ID_BYTES = 16


class Run:
    """One run of one process that keeps a journal: all that it asked, what it was answered, and what it found wrong."""

    def __init__(self, journal: Path) -> None:
        self.name = journal.stem
        self._reader = JournalReader(journal)
        self.asked: dict[int, Asked] = {}
        self.answered: dict[int, Answered] = {}
        self.wrong: list[str] = []
        self.recorded = 0

    def read(self) -> None:
        """What has come since."""
        for entry in self._reader.new():
            match entry:
                case Asked():
                    self.asked[entry.number] = entry
                case Answered():
                    self.answered[entry.number] = entry
                    self.recorded += entry.outcome == "recorded"
                case Wrong():
                    self.wrong.append(f"{self.name}: {entry.what}")

    def judged(self, ledger: Snapshot, answered: dict[int, Answered]) -> list[str]:
        """`answered`: what was answered before the ledger was read."""
        troubles = []
        for number, asked in self.asked.items():
            positions = _positions(asked, ledger)
            if trouble := _trouble(asked, answered.get(number), positions):
                troubles.append(f"{self.name} asked {asked}, was answered {answered.get(number)}, and {trouble}")
        return troubles


def _positions(asked: Asked, ledger: Snapshot) -> list[int]:
    if asked.request:
        return ledger.caused.get(asked.request, [])
    return [ledger.place[fact_id] for fact_id in asked.facts if fact_id in ledger.place]


def _trouble(asked: Asked, answered: Answered | None, positions: list[int]) -> str:
    """In words, or nothing."""
    if positions and positions != list(range(positions[0], positions[0] + (len(asked.facts) or 1))):
        return f"the ledger holds a part of it, or too much, or not together: {positions}"
    if answered is None or answered.outcome == "unknown":
        return ""
    if answered.outcome == "recorded":
        return _trouble_of_recorded(asked, answered, positions)
    if positions:
        return f"it is on the ledger at {positions}"
    false_conflict = answered.outcome == "refused" and asked.alone and not asked.request
    return "nobody else writes there: a false conflict" if false_conflict else ""


def _trouble_of_recorded(asked: Asked, answered: Answered, positions: list[int]) -> str:
    if not positions:
        # A request that is sent again may find that the first one has done it.
        return "" if asked.request and not asked.alone else "it is not on the ledger"
    return "" if answered.position == positions[-1] else f"it is on the ledger at {positions}"


def judge_rows(runs: list[Run], ledger: Snapshot) -> list[str]:
    """The rows that were changed with the facts: there with them, and never without."""
    troubles = []
    fenced: Counter[str] = Counter()
    for asked in (asked for run in runs for asked in run.asked.values() if asked.facts):
        recorded = asked.facts[0] in ledger.place
        if asked.claim and recorded and ledger.claims.get(asked.claim) != asked.facts[0]:
            troubles.append(f"{asked} is recorded, and {asked.claim} is of {ledger.claims.get(asked.claim)}")
        if asked.fence and recorded:
            fenced[asked.fence] += 1
    ownerless = {name: owner for name, owner in ledger.claims.items() if owner not in ledger.place}
    if ownerless:
        troubles.append(f"claims without their facts: {ownerless}")
    epochs = {fence: epoch for fence, epoch in ledger.fences.items() if epoch}
    if epochs != dict(fenced):
        troubles.append(f"the fences stand at {epochs}, and facts were recorded with {dict(fenced)}")
    return troubles


def judge_strangers(runs: list[Run], ledger: Snapshot, after: int) -> list[str]:
    """Facts that nobody asked for, such as one recorded twice under two ids; those up to `after` were there before."""
    asked = {fact_id for run in runs for one in run.asked.values() for fact_id in one.facts}
    requests = {one.request for run in runs for one in run.asked.values() if one.request}
    return [
        f"nobody asked for {fact.topic} {fact.stamp.fact_id} at {fact.position}, caused by {fact.stamp.cause}"
        for fact in ledger.facts
        if fact.position > after and fact.stamp.fact_id not in asked and fact.stamp.cause.id not in requests
    ]


def seen_by(tail: Path) -> list[UUID]:
    """The fact ids that a tail has seen, from position 1."""
    seen = tail.read_bytes()
    whole = len(seen) - len(seen) % ID_BYTES
    return [UUID(bytes=seen[at : at + ID_BYTES]) for at in range(0, whole, ID_BYTES)]


def judge_tail(name: str, seen: list[UUID], ledger: Snapshot) -> list[str]:
    """`seen` before the ledger was read."""
    there = [fact.stamp.fact_id for fact in ledger.facts[: len(seen)]]
    for position, (one, other) in enumerate(zip(seen, there, strict=False), start=1):
        if one != other:
            return [f"{name} saw {one} at {position}, where {other} is now"]
    return [] if len(there) == len(seen) else [f"{name} saw {len(seen)} facts, and there are {len(ledger.facts)}"]
