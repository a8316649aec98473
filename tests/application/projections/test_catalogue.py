"""The catalogue: every video, from its creation on, with all that a page shows of it."""

from uuid import UUID

from application.projections.catalogue import Listed, catalogue
from domain.shared.fact import Fact
from domain.video.facts import (
    Rendition,
    UploadGranted,
    UploadReceived,
    VideoCreated,
    VideoDeleted,
    VideoDescribed,
    VideoFailed,
    VideoMadeReady,
    VideoPublished,
    VideoTakenIn,
    VideoUnpublished,
)
from tests.application.projections.stories import rows_of
from tests.domain.records import at
from tests.people import MONDAY, days

BREAD, SOUP = UUID(int=1), UUID(int=2)
LADDER = (Rendition(240, 400_000), Rendition(720, 2_500_000))


def created(video_id: UUID = BREAD) -> VideoCreated:
    return VideoCreated(
        video_id=video_id,
        title="Bread",
        description="Flour, water, salt",
        category="baking",
        access="subscribers",
        requires="hd",
        platform="local",
    )


received = UploadReceived(video_id=BREAD, size_bytes=1_000, sha256="ab" * 32)
made_ready = VideoMadeReady(video_id=BREAD, playback_id="bread-1", duration_seconds=61.5, renditions=LADDER)
failed = VideoFailed(video_id=BREAD, reason="not_a_video", detail="It is a picture.")
published, unpublished = VideoPublished(video_id=BREAD), VideoUnpublished(video_id=BREAD)


def bread_after(*facts: Fact) -> Listed:
    return rows_of(catalogue, Listed, *facts)[BREAD]


def test_a_new_video_waits_for_its_upload() -> None:
    listed = bread_after(created())

    assert (listed.title, listed.description, listed.category) == ("Bread", "Flour, water, salt", "baking")
    assert (listed.access, listed.requires, listed.platform) == ("subscribers", "hd", "local")
    assert (listed.status, listed.created_position, listed.published_at) == ("waiting", 1, None)


def test_uploaded_it_is_worked_on() -> None:
    assert bread_after(created(), received).status == "processing"


def test_ready_it_is_shown_with_its_length_and_its_renditions() -> None:
    listed = bread_after(created(), received, made_ready)

    assert (listed.status, listed.playback_id, listed.duration_seconds) == ("ready", "bread-1", 61.5)
    assert listed.renditions == LADDER


def test_what_was_no_video_says_why_until_it_is_uploaded_again() -> None:
    listed = bread_after(created(), received, failed)
    assert (listed.status, listed.error) == ("errored", "not_a_video")

    again = bread_after(created(), received, failed, received)
    assert (again.status, again.error) == ("processing", None)


def test_published_it_has_its_place_and_its_time() -> None:
    listed = bread_after(created(), received, made_ready, at(MONDAY + days(1), published))

    assert (listed.status, listed.published_at, listed.published_position) == ("published", MONDAY + days(1), 4)


def test_taken_out_it_has_neither_and_may_come_back() -> None:
    out = (created(), received, made_ready, published, unpublished)
    listed = bread_after(*out)
    assert (listed.status, listed.published_at, listed.published_position) == ("ready", None, None)
    assert listed.renditions == LADDER

    assert bread_after(*out, published).published_position == 6


def test_each_video_is_one_row() -> None:
    rows = rows_of(catalogue, Listed, created(), created(SOUP), received)

    assert {key: row.status for key, row in rows.items()} == {BREAD: "processing", SOUP: "waiting"}


def test_of_a_video_that_was_never_created_there_is_no_row() -> None:
    assert rows_of(catalogue, Listed, received, made_ready, failed, published, unpublished) == {}


def test_described_anew_it_says_so_and_stays_where_it_is() -> None:
    rye = VideoDescribed(video_id=BREAD, title="Rye", description="Time", category="slow", access="free", requires=None)
    listed = bread_after(created(), received, made_ready, published, rye)

    assert (listed.title, listed.description, listed.category) == ("Rye", "Time", "slow")
    assert (listed.access, listed.requires) == ("free", None)
    assert (listed.status, listed.published_position) == ("published", 4)


def test_taken_in_by_its_platform_it_is_worked_on() -> None:
    granted = UploadGranted(video_id=BREAD, upload_id="upload-1", expires_at=MONDAY)
    taken_in = VideoTakenIn(video_id=BREAD, asset_id="asset-1")

    assert bread_after(created(), granted).upload_until == MONDAY
    assert bread_after(created(), granted, taken_in).status == "processing"


def test_deleted_it_is_there_no_more() -> None:
    deleted = VideoDeleted(video_id=BREAD)

    assert rows_of(catalogue, Listed, created(), received, made_ready, published, unpublished, deleted) == {}
