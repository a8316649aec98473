"""The facts that are projected: films that are created, uploaded, made ready and published."""

import random
from collections.abc import Iterator
from uuid import UUID, uuid4

from domain.shared.fact import Fact
from domain.video.video import Rendition, UploadReceived, VideoCreated, VideoMadeReady, VideoPublished

LIFE = 4
"""Facts to a film."""

RENDITIONS = (Rendition(240, 400_000), Rendition(480, 1_200_000), Rendition(720, 2_800_000), Rendition(1080, 5_000_000))


def lives(facts: int) -> Iterator[tuple[UUID, int, Fact]]:
    """(stream, version before, fact): the lives of as many films as it takes, scattered over the whole ledger.

    That is the least that a batch can gain by folding: a page of facts touches almost as many rows as it has facts.
    """
    films = [uuid4() for _ in range(-(-facts // LIFE))]
    turns = [film for film in films for _ in range(LIFE)]
    random.Random(1).shuffle(turns)  # noqa: S311 - an order, not a secret
    versions = dict.fromkeys(films, 0)
    for film in turns[:facts]:
        yield film, versions[film], _fact(film, versions[film])
        versions[film] += 1


def created(film: UUID) -> VideoCreated:
    """The first fact of a film."""
    return VideoCreated(
        fact_id=uuid4(),
        video_id=film,
        title="How to cook a risotto, lesson 3",
        description="Twenty minutes of stirring, explained by somebody who has done it every day for thirty years.",
        category="cooking",
        access="subscribers",
        requires="hd",
        platform="local",
    )


def _fact(film: UUID, version: int) -> Fact:
    match version:
        case 0:
            return created(film)
        case 1:
            return UploadReceived(fact_id=uuid4(), video_id=film, size_bytes=734_003_200, sha256="9f" * 32)
        case 2:
            return VideoMadeReady(
                fact_id=uuid4(), video_id=film, playback_id=film.hex, duration_seconds=1203.48, renditions=RENDITIONS
            )
        case _:
            return VideoPublished(fact_id=uuid4(), video_id=film)
