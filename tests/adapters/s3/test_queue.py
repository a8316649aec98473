"""Notices of S3 by SQS: which videos they are about, and that each comes until it is settled."""

import json
from typing import Any
from uuid import uuid4

import pytest

from adapters.s3.bucket import Access, Bucket, client_of
from adapters.s3.queue import UploadQueue
from application.ports.video_platform import UploadNotices

pytestmark = pytest.mark.anyio


@pytest.fixture
def sqs(access: Access) -> Any:
    return client_of("sqs", access)


@pytest.fixture
def queue_url(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName="uploads", Attributes={"VisibilityTimeout": "0"})["QueueUrl"])


async def test_a_bucket_tells_of_uploads_until_they_are_settled(
    access: Access, bucket: Bucket, sqs: Any, queue_url: str
) -> None:
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    bucket.client.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration=told)
    video_id = uuid4()
    await bucket.put(f"uploads/{video_id}", b"film", media_type="video/mp4", cache_control="no-store")
    await bucket.put("hls/poster.jpg", b"jpg", media_type="image/jpeg", cache_control="no-store")
    notices: UploadNotices = UploadQueue(access, queue_url)

    first = await notices.waiting(seconds=0)
    assert {one.video_ids for one in first} == {(video_id,), ()}  # its own test message and the poster are about none
    for notice in await notices.waiting(seconds=0):
        await notices.settled(notice)

    assert await notices.waiting(seconds=0) == []


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "{}",
        "[]",
        json.dumps({"Records": [{"s3": {"bucket": {"name": "films"}, "object": {"key": "uploads/no-uuid"}}}]}),
        json.dumps({"Records": [{"s3": {"bucket": {"name": "other"}, "object": {"key": f"uploads/{uuid4()}"}}}]}),
        json.dumps({"Records": "none"}),
    ],
)
async def test_what_is_about_no_video_of_ours_is_settled_like_the_rest(
    access: Access, sqs: Any, queue_url: str, body: str
) -> None:
    sqs.send_message(QueueUrl=queue_url, MessageBody=body)
    queue = UploadQueue(access, queue_url)

    (notice,) = await queue.waiting(seconds=0)

    assert notice.video_ids == ()
    await queue.settled(notice)
    assert await queue.waiting(seconds=0) == []
