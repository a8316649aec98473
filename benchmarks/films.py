"""The facts that are projected: films that are created, uploaded, made ready, and published again and again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Self
from uuid import UUID

from msgspec.structs import replace

from domain.shared.fact import Actor, Cause, Fact
from domain.video.facts import Rendition, UploadReceived, VideoCreated, VideoMadeReady, VideoPublished, VideoUnpublished

LIFE = 20
"""Facts to a film: four until it is published, then it is taken back and published in turns."""

BEGAN = datetime(2027, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
"""A fraction that is never zero: msgspec writes it always, or leaves it out always."""
STEP = timedelta(seconds=1)

EDITOR = Actor(kind="admin", id="00000000-0000-4000-8000-0000000000ed")
RENDITIONS = (Rendition(240, 400_000), Rendition(480, 1_200_000), Rendition(720, 2_800_000), Rendition(1080, 5_000_000))


@dataclass(frozen=True)
class Lives:
    """The order of the facts of so many films, the same whoever writes it down: PostgreSQL (`seeding.py`) or Python.

    At each step one film begins, and every other has its next fact so many steps (`offsets`) after its beginning.
    """

    films: int
    offsets: tuple[int, ...]

    @classmethod
    def as_in_life(cls, facts: int) -> Self:
        """The first four facts of a film come within 120 others; then its turns are spread over half of the ledger.

        Of 1,000 facts in a row about 850 touch a row that none of the others touches: folding gains little.
        """
        films = films_in(facts)
        turn = max(1, films // LIFE)
        return cls(films, (0, 2, 4, *(6 + turn * number for number in range(LIFE - 3))))

    @classmethod
    def far_apart(cls, facts: int) -> Self:
        """No film has two facts within a twentieth of all: they can be appended without waiting for each other."""
        films = films_in(facts)
        return cls(films, tuple(max(1, films // LIFE) * number for number in range(LIFE)))

    @property
    def facts(self) -> int:
        return self.films * LIFE

    @property
    def steps(self) -> int:
        return self.films + self.offsets[-1]

    def before(self, step: int) -> int:
        """How many facts there are before that step."""
        return sum(min(max(step - offset, 0), self.films) for offset in self.offsets)

    def position(self, number: int, version: int) -> int:
        """Of a film's fact; `version` from 0."""
        step = number + self.offsets[version]
        return 1 + self.before(step) + sum(0 <= step - offset < self.films for offset in self.offsets[:version])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(film's number, version from 0) in the order of the ledger."""
        for step in range(self.steps):
            for version, offset in enumerate(self.offsets):
                if 0 <= step - offset < self.films:
                    yield step - offset, version


def films_in(facts: int) -> int:
    """As many films as it takes."""
    return -(-facts // LIFE)


def film_id(number: int) -> UUID:
    return UUID(_hash(f"film {number}"))


def fact_of(number: int, version: int, position: int) -> Fact:
    """As the ledger has it, stamped."""
    return told(
        version,
        video_id=film_id(number),
        number=number,
        position=position,
        recorded_at=BEGAN + STEP * position,
        fact_id=UUID(_hash(f"fact {position}")),
    )


def told(version: int, *, video_id: UUID, number: int, position: int, recorded_at: datetime, fact_id: UUID) -> Fact:
    """The film's fact of that version, from 0; every film's text is its own."""
    cause = Cause(kind="request", id=f"req_{position}")
    bare = _bare(version, video_id, number)
    return replace(bare, position=position, recorded_at=recorded_at, fact_id=fact_id, actor=EDITOR, cause=cause)


def _bare(version: int, video_id: UUID, number: int) -> Fact:
    match version:
        case 0:
            return _created(video_id, number)
        case 1:
            return UploadReceived(video_id=video_id, size_bytes=734_003_200 + number, sha256=video_id.hex * 2)
        case 2:
            seconds = round(1_203.48 + number, 2)
            return VideoMadeReady(
                video_id=video_id, playback_id=video_id.hex, duration_seconds=seconds, renditions=RENDITIONS
            )
        case _:
            return VideoPublished(video_id=video_id) if version % 2 else VideoUnpublished(video_id=video_id)


def _created(video_id: UUID, number: int) -> VideoCreated:
    return VideoCreated(
        video_id=video_id,
        title=f"How to cook a risotto, lesson {number}",
        description=f'Lesson {number}: twenty minutes of "stirring", told by one who has done it for thirty years.',
        category="cooking",
        access="subscribers",
        requires="hd",
        platform="local",
    )


def _hash(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
