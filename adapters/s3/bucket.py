"""A bucket by boto3, each call in a thread of its own, with a timeout, and its troubles in our words.

boto3 is imported with the first call: it takes 0.3 s and 20 MB, and is an extra.
"""

from asyncio import to_thread
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from adapters.s3.troubles import Missing, in_our_words

T = TypeVar("T")

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 30, 3
CHUNK_BYTES = 2**20


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bucket is, and by which key; without a key boto3 finds the machine's own role.

    `endpoint` is that of another than Amazon, such as R2 or MinIO.
    """

    bucket: str
    region: str = "us-east-1"
    endpoint: str = ""
    key_id: str = ""
    secret: str = ""


class Kept(msgspec.Struct, frozen=True):
    """An object as it lies there; `etag` without its quotation marks."""

    size_bytes: int
    etag: str


class Bucket:
    """Whatever is asked of it may raise ProviderUnavailable, ProviderBusy or ProviderRefused."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @cached_property
    def client(self) -> Any:
        return client_of("s3", self._access)

    @property
    def name(self) -> str:
        return self._access.bucket

    def address_of(self, key: str) -> str:
        """Without a signature: it says where, and opens nothing."""
        base = self._access.endpoint or f"https://s3.{self._access.region}.amazonaws.com"
        return f"{base.rstrip('/')}/{self.name}/{key}"

    async def begin(self, key: str) -> str:
        """The id of an upload in parts."""
        return str((await self._call("create_multipart_upload", key))["UploadId"])

    async def sign_parts(self, key: str, upload_id: str, numbers: Sequence[int], *, seconds: int) -> dict[int, str]:
        """Where each part is put; it asks nobody."""

        def signed() -> dict[int, str]:
            return {number: self._signed(key, upload_id, number, seconds) for number in numbers}

        return await self._in_thread(signed)

    def _signed(self, key: str, upload_id: str, number: int, seconds: int) -> str:
        parameters = {"Bucket": self.name, "Key": key, "UploadId": upload_id, "PartNumber": number}
        return str(self.client.generate_presigned_url("upload_part", Params=parameters, ExpiresIn=seconds))

    async def complete(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Raises Missing where the upload is no more."""
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        await self._call("complete_multipart_upload", key, UploadId=upload_id, MultipartUpload={"Parts": listed})

    async def abort(self, key: str, upload_id: str) -> None:
        """Nothing happens where the upload is no more."""
        try:
            await self._call("abort_multipart_upload", key, UploadId=upload_id)
        except Missing:
            return

    async def head(self, key: str) -> Kept | None:
        """None where there is no such object."""
        try:
            answer = await self._call("head_object", key)
        except Missing:
            return None
        return Kept(int(answer["ContentLength"]), str(answer["ETag"]).strip('"'))

    async def read(self, key: str) -> bytes | None:
        """A small object; None where there is none."""
        try:
            return await self._in_thread(
                lambda: bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())
            )
        except Missing:
            return None

    async def fetch(self, key: str, etag: str, file: Path) -> None:
        """Into a file, in constant memory. Raises Missing where it is another object by now."""

        def fetched() -> None:
            body = self.client.get_object(Bucket=self.name, Key=key, IfMatch=f'"{etag}"')["Body"]
            with file.open("wb") as out:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    out.write(chunk)

        await self._in_thread(fetched)

    async def put(self, key: str, body: bytes | Path, *, media_type: str, cache_control: str) -> None:
        """In parts where it is long; it is there all at once."""
        headers = {"ContentType": media_type, "CacheControl": cache_control}
        if isinstance(body, bytes):
            await self._call("put_object", key, Body=body, **headers)
            return
        await self._in_thread(lambda: self.client.upload_file(str(body), self.name, key, ExtraArgs=headers))

    async def listed(self, prefix: str) -> list[tuple[str, datetime]]:
        """Each key under it, and when it was written."""
        return await self._in_thread(
            lambda: [(str(one["Key"]), one["LastModified"]) for page in self._pages(prefix) for one in page]
        )

    async def remove(self, prefix: str) -> None:
        """All that lies under it."""

        def removed() -> None:
            for page in self._pages(prefix):
                gone = [{"Key": one["Key"]} for one in page]
                answer = self.client.delete_objects(Bucket=self.name, Delete={"Objects": gone, "Quiet": True})
                if answer.get("Errors"):
                    raise RuntimeError(f"{len(answer['Errors'])} objects could not be removed")

        await self._in_thread(removed)

    def _pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            if page.get("Contents"):
                yield page["Contents"]

    async def _call(self, operation: str, key: str, **given: Any) -> Any:
        return await self._in_thread(lambda: getattr(self.client, operation)(Bucket=self.name, Key=key, **given))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        def spoken() -> T:
            with in_our_words():
                return call()

        return await to_thread(spoken)


def client_of(service: str, access: Access) -> Any:
    """A client of boto3, which threads may share.

    Signed by version 4: by default boto3 still signs addresses by version 2, which newer regions and R2 refuse. Its
    checksums break on stores that are not Amazon's.
    """
    import boto3  # noqa: PLC0415 - an extra, and heavy
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        service,
        region_name=access.region,
        endpoint_url=access.endpoint or None,
        aws_access_key_id=access.key_id or None,
        aws_secret_access_key=access.secret or None,
        config=Config(
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        ),
    )
