"""Facts for many lives at once: videos that are made, spoilt, published and taken back."""

import random
from uuid import UUID

from domain.shared.fact import Fact
from domain.video.facts import (
    Rendition,
    UploadReceived,
    VideoCreated,
    VideoFailed,
    VideoMadeReady,
    VideoPublished,
    VideoUnpublished,
)

AWKWARD = ["null", "", "a,b", 'q"q', "b\\s", "\\n literal", "line\nbreak", "\\.", "tab\t", "é漢🙂", "'", "[1]", "{}"]


def facts_of_videos(seed: int, count: int, videos: int = 12) -> list[tuple[UUID, Fact]]:
    """(stream, fact) in a random order that makes sense for each video; awkward text on purpose."""
    dice = random.Random(seed)  # noqa: S311 - a story, not a secret
    ids = [UUID(int=dice.getrandbits(128), version=4) for _ in range(videos)]
    made: set[UUID] = set()
    told: list[tuple[UUID, Fact]] = []
    for _ in range(count):
        video_id = dice.choice(ids)
        told.append((video_id, _next(dice, video_id, made)))
    return told


def _next(dice: random.Random, video_id: UUID, made: set[UUID]) -> Fact:
    fact_id = UUID(int=dice.getrandbits(128), version=4)
    if video_id not in made:
        made.add(video_id)
        return VideoCreated(
            fact_id=fact_id,
            video_id=video_id,
            title=dice.choice(AWKWARD),
            description=dice.choice(AWKWARD),
            category=dice.choice(AWKWARD),
            access=dice.choice(["free", "subscribers"]),
            requires=dice.choice([None, "hd"]),
            platform="local",
        )
    return dice.choice(
        [
            UploadReceived(fact_id=fact_id, video_id=video_id, size_bytes=dice.randrange(10**9), sha256="ab"),
            VideoMadeReady(
                fact_id=fact_id,
                video_id=video_id,
                playback_id=dice.choice(AWKWARD),
                duration_seconds=dice.randrange(10**6) / 1000,
                renditions=(Rendition(480, 900_000), Rendition(720, 2_000_000)),
            ),
            VideoFailed(fact_id=fact_id, video_id=video_id, reason="not_a_video", detail=dice.choice(AWKWARD)),
            VideoPublished(fact_id=fact_id, video_id=video_id),
            VideoUnpublished(fact_id=fact_id, video_id=video_id),
        ]
    )
