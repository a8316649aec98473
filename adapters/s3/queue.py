"""What S3 tells of uploads by a queue of SQS: notices, each until it is settled.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from asyncio import to_thread
from collections.abc import Sequence
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

import msgspec

from adapters.s3.bucket import Access, client_of
from adapters.s3.troubles import in_our_words
from application.ports.video_platform import UploadNotice

MESSAGES_AT_ONCE = 10
UPLOADS = "uploads/"


class _Object(msgspec.Struct, frozen=True):
    key: str = ""


class _Bucket(msgspec.Struct, frozen=True):
    name: str = ""


class _S3(msgspec.Struct, frozen=True):
    bucket: _Bucket = _Bucket()
    object: _Object = _Object()


class _Record(msgspec.Struct, frozen=True):
    s3: _S3 = _S3()


class _Event(msgspec.Struct, frozen=True):
    records: list[_Record] = msgspec.field(default_factory=list, name="Records")


class UploadQueue:
    """A queue that the bucket's notifications go to; what is not settled comes again after its visibility timeout."""

    def __init__(self, access: Access, queue_url: str) -> None:
        self._access, self._url = access, queue_url

    @cached_property
    def _client(self) -> Any:
        return client_of("sqs", self._access)

    async def waiting(self, *, seconds: int) -> Sequence[UploadNotice]:
        """Those that come within so long, ten at most. Raises ProviderUnavailable, ProviderRefused."""
        answer = await self._ask("receive_message", MaxNumberOfMessages=MESSAGES_AT_ONCE, WaitTimeSeconds=seconds)
        return [self._notice(message) for message in answer.get("Messages", ())]

    def _notice(self, message: dict[str, Any]) -> UploadNotice:
        """A message of another kind is about no video, and settled like the others."""
        try:
            event = msgspec.json.decode(message["Body"], type=_Event)
        except (msgspec.DecodeError, UnicodeError):
            event = _Event()
        named = [_video_of(one.s3.object.key) for one in event.records if one.s3.bucket.name == self._access.bucket]
        return UploadNotice(message["ReceiptHandle"], tuple(found for found in named if found is not None))

    async def settled(self, notice: UploadNotice) -> None:
        """It comes no more. Raises ProviderUnavailable, ProviderRefused."""
        await self._ask("delete_message", ReceiptHandle=notice.receipt)

    async def _ask(self, operation: str, **given: Any) -> Any:
        def asked() -> Any:
            with in_our_words():
                return getattr(self._client, operation)(QueueUrl=self._url, **given)

        return await to_thread(asked)


def _video_of(key: str) -> UUID | None:
    name = unquote_plus(key)
    try:
        return UUID(name.removeprefix(UPLOADS)) if name.startswith(UPLOADS) else None
    except ValueError:
        return None
