"""A video: created, uploaded, made ready or found to be none, published and taken out again."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.video.facts import (
    Rendition,
    UploadGranted,
    UploadReceived,
    VideoCreated,
    VideoDeleted,
    VideoDescribed,
    VideoFact,
    VideoFailed,
    VideoMadeReady,
    VideoPublished,
    VideoTakenIn,
    VideoUnpublished,
)
from domain.video.truth import AssetTruth
from domain.video.video import Description, UploadNotExpected, Video, VideoNotReady
from tests.scenario import folded, given, nothing_yet

BREAD = UUID(int=5)
LADDER = (Rendition(240, 400_000), Rendition(720, 2_500_000))
SHA256 = "ab" * 32

created = VideoCreated(
    video_id=BREAD,
    title="Bread",
    description="Flour, water, salt",
    category="baking",
    access="subscribers",
    requires="hd",
    platform="local",
)
received = UploadReceived(video_id=BREAD, size_bytes=1_000_000, sha256=SHA256)
made_ready = VideoMadeReady(video_id=BREAD, playback_id="bread-1", duration_seconds=61.5, renditions=LADDER)
failed = VideoFailed(video_id=BREAD, reason="not_a_video", detail="It is a picture.")
published = VideoPublished(video_id=BREAD)
unpublished = VideoUnpublished(video_id=BREAD)

PASTS: dict[str, tuple[VideoFact, ...]] = {
    "waiting": (created,),
    "processing": (created, received),
    "errored": (created, received, failed),
    "ready": (created, received, made_ready),
    "published": (created, received, made_ready, published),
}


def becomes_ready(video: Video) -> list[VideoFact]:
    return video.become_ready(upload_sha256=SHA256, playback_id="bread-1", duration_seconds=61.5, renditions=LADDER)


def fails(video: Video) -> list[VideoFact]:
    return video.fail(upload_sha256=SHA256, reason="not_a_video", detail="It is a picture.")


def receives(video: Video) -> list[VideoFact]:
    return video.receive_upload(size_bytes=1_000_000, sha256=SHA256)


def test_a_video_is_created_for_subscribers_with_hd() -> None:
    nothing_yet().when(
        lambda _: Video.create(
            video_id=BREAD,
            said=Description(
                title="Bread",
                description="Flour, water, salt",
                category="baking",
                access="subscribers",
                requires="hd",
            ),
            platform="local",
        )
    ).then(created)


@pytest.mark.parametrize(("status", "past"), PASTS.items())
def test_each_past_has_its_status(status: str, past: tuple[VideoFact, ...]) -> None:
    assert folded(Video, *past).status == status


def test_unpublished_it_is_ready_again() -> None:
    assert folded(Video, *PASTS["published"], unpublished).status == "ready"


def test_it_remembers_what_it_is_its_upload_and_where_it_plays() -> None:
    video = folded(Video, *PASTS["ready"])

    assert (video.id, video.said.title, video.said.access, video.said.requires) == (BREAD, "Bread", "subscribers", "hd")
    assert (video.upload_sha256, video.playback_id) == (SHA256, "bread-1")


@pytest.mark.parametrize("status", ["waiting", "errored"])
def test_an_upload_is_taken_by_who_waits_for_one(status: str) -> None:
    given(Video, *PASTS[status]).when(receives).then(received)


@pytest.mark.parametrize("status", ["processing", "ready", "published"])
def test_a_second_upload_is_refused(status: str) -> None:
    refusal = given(Video, *PASTS[status]).when(receives).then_refused(UploadNotExpected)

    assert status in refusal.detail


def test_what_was_uploaded_becomes_ready_or_fails() -> None:
    given(Video, *PASTS["processing"]).when(becomes_ready).then(made_ready)
    given(Video, *PASTS["processing"]).when(fails).then(failed)


@pytest.mark.parametrize("status", ["waiting", "errored", "ready", "published"])
def test_a_notice_that_comes_late_or_twice_changes_nothing(status: str) -> None:
    given(Video, *PASTS[status]).when(becomes_ready).then_nothing()
    given(Video, *PASTS[status]).when(fails).then_nothing()


def test_a_notice_about_an_upload_that_was_replaced_changes_nothing() -> None:
    replaced = UploadReceived(video_id=BREAD, size_bytes=2_000_000, sha256="cd" * 32)

    given(Video, *PASTS["errored"], replaced).when(becomes_ready).then_nothing()
    given(Video, *PASTS["errored"], replaced).when(fails).then_nothing()


def test_a_ready_video_is_published_once() -> None:
    given(Video, *PASTS["ready"]).when(lambda video: video.publish()).then(published)
    given(Video, *PASTS["published"]).when(lambda video: video.publish()).then_nothing()


@pytest.mark.parametrize("status", ["waiting", "processing", "errored"])
def test_what_is_not_ready_is_not_published(status: str) -> None:
    refusal = given(Video, *PASTS[status]).when(lambda video: video.publish()).then_refused(VideoNotReady)

    assert status in refusal.detail


def test_only_what_is_published_is_taken_out() -> None:
    given(Video, *PASTS["published"]).when(lambda video: video.unpublish()).then(unpublished)
    for status in ("waiting", "processing", "errored", "ready"):
        given(Video, *PASTS[status]).when(lambda video: video.unpublish()).then_nothing()


described = VideoDescribed(
    video_id=BREAD, title="Rye", description="Flour, water, salt", category="baking", access="free", requires=None
)
granted = UploadGranted(video_id=BREAD, upload_id="upload-1", expires_at=datetime(2026, 11, 22, tzinfo=UTC))
taken_in = VideoTakenIn(video_id=BREAD, asset_id="asset-1")
lost = VideoFailed(video_id=BREAD, reason="gone", detail="The platform has it no more.")
deleted = VideoDeleted(video_id=BREAD)

REMOTE: dict[str, tuple[VideoFact, ...]] = {
    "waiting": (created, granted),
    "processing": (created, granted, taken_in),
    "errored": (created, granted, taken_in, failed),
    "ready": (created, granted, taken_in, made_ready),
    "published": (created, granted, taken_in, made_ready, published),
    "deleted": (created, granted, taken_in, made_ready, deleted),
}
NOTHING_YET = AssetTruth(stage="waiting")
AT_WORK = AssetTruth(stage="processing", asset_id="asset-1")
BAD = AssetTruth(stage="errored", asset_id="asset-1", reason="not_a_video", detail="It is a picture.")
GOOD = AssetTruth(stage="ready", asset_id="asset-1", playback_id="bread-1", duration_seconds=61.5, renditions=LADDER)
GONE = AssetTruth(stage="gone", asset_id="asset-1")


def test_what_is_said_of_it_changes_in_any_state_and_only_if_it_differs() -> None:
    rye = Description(title="Rye", description="Flour, water, salt", category="baking", access="free", requires=None)

    for past in PASTS.values():
        given(Video, *past).when(lambda video: video.describe(rye)).then(described)
        given(Video, *past, described).when(lambda video: video.describe(rye)).then_nothing()


def test_the_platforms_name_of_an_upload_is_noted_once() -> None:
    def grants(video: Video) -> list[VideoFact]:
        return video.grant_upload(upload_id="upload-1", expires_at=granted.expires_at)

    given(Video, created).when(grants).then(granted)
    given(Video, created, granted).when(grants).then_nothing()
    given(Video, created).when(lambda it: it.grant_upload(upload_id="", expires_at=granted.expires_at)).then_nothing()
    given(Video, *REMOTE["ready"]).when(grants).then_refused(UploadNotExpected)


@pytest.mark.parametrize(
    ("status", "truth", "news"),
    [
        ("waiting", NOTHING_YET, []),
        ("waiting", AT_WORK, [taken_in]),
        ("waiting", GOOD, [taken_in, made_ready]),
        ("waiting", BAD, [taken_in, failed]),
        ("waiting", GONE, [lost]),
        ("processing", NOTHING_YET, []),
        ("processing", AT_WORK, []),
        ("processing", GOOD, [made_ready]),
        ("processing", BAD, [failed]),
        ("processing", GONE, [lost]),
        ("errored", BAD, []),
        ("errored", GOOD, []),
        ("errored", GONE, []),
        ("ready", AT_WORK, []),
        ("ready", GOOD, []),
        ("ready", BAD, []),
        ("ready", GONE, [lost]),
        ("published", GOOD, []),
        ("published", GONE, [unpublished, lost]),
        ("deleted", GOOD, []),
        ("deleted", GONE, []),
    ],
)
def test_of_what_the_platform_says_the_difference_is_recorded(
    status: str, truth: AssetTruth, news: list[VideoFact]
) -> None:
    given(Video, *REMOTE[status]).when(lambda video: video.observe(truth)).then(*news)


def test_another_upload_takes_the_place_of_one_that_failed() -> None:
    second = AssetTruth(stage="processing", asset_id="asset-2")

    given(Video, *REMOTE["errored"]).when(lambda video: video.observe(second)).then(
        VideoTakenIn(video_id=BREAD, asset_id="asset-2")
    )


def test_an_upload_that_failed_before_it_was_anything_fails_once() -> None:
    nameless = AssetTruth(stage="errored", reason="not_a_video", detail="It is a picture.")
    past = (created, granted, VideoTakenIn(video_id=BREAD, asset_id=""), failed)

    given(Video, *REMOTE["waiting"]).when(lambda video: video.observe(nameless)).then(*past[2:])
    given(Video, *past).when(lambda video: video.observe(nameless)).then_nothing()


def test_it_is_deleted_once_and_taken_out_before() -> None:
    given(Video, *PASTS["published"]).when(lambda video: video.delete()).then(unpublished, deleted)
    given(Video, *PASTS["waiting"]).when(lambda video: video.delete()).then(deleted)
    given(Video, *REMOTE["deleted"]).when(lambda video: video.delete()).then_nothing()
    given(Video, *REMOTE["deleted"]).when(receives).then_refused(UploadNotExpected)
