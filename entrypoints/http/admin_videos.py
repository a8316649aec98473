"""How admins put videos into the catalogue, change them and take them out."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from application.errors import NotFound
from application.ports.resumable_upload import UploadSizeNeeded
from application.ports.video_platform import Part, PartsInvalid, UploadTooLarge
from application.videos import Changes, NewVideo
from domain.video.facts import Audience
from domain.video.video import UploadNotExpected, VideoNotReady
from entrypoints.http.authentication import ByRequest, SignedInAs
from entrypoints.http.given import GivenVideos
from entrypoints.http.idempotency import Idempotent
from entrypoints.http.positions import at
from entrypoints.http.texts import NO_NUL, Line, Prose, Word
from entrypoints.http.video_views import CreatedVideoView, VideoView, upload_view, video_view

UPLOAD_BYTES_MAX = 2**40
TUS = "tus"

Category = Annotated[str, msgspec.Meta(max_length=60, pattern=NO_NUL, examples=["documentary"])]
Filename = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=NO_NUL, examples=["lighthouse.mp4"])]
PARTS_MAX = 10_000

Size = Annotated[int, msgspec.Meta(ge=1, le=UPLOAD_BYTES_MAX, examples=[104857600])]
PartNumber = Annotated[int, msgspec.Meta(ge=1, le=PARTS_MAX, examples=[1])]
ETag = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_NUL)]


UploadWay = Annotated[
    Literal["put", "tus"],
    msgspec.Meta(description="`tus` can go on after a break, and needs `size`. Other platforms have one way."),
]


class VideoToMake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`requires` is a feature that the viewer's plan must give, null for any plan; `size` in bytes."""

    title: Annotated[Line, msgspec.Meta(examples=["The lighthouse"])]
    description: Prose = ""
    category: Category = ""
    access: Audience
    requires: Word | None = None
    filename: Filename | None = None
    size: Size | None = None
    upload: UploadWay = "put"


class VideoToDescribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is said of a video anew, as when it was made."""

    title: Annotated[Line, msgspec.Meta(examples=["The lighthouse"])] | UnsetType = UNSET
    description: Prose | UnsetType = UNSET
    category: Category | UnsetType = UNSET
    access: Audience | UnsetType = UNSET
    requires: Word | UnsetType | None = UNSET


class UploadToGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`size` in bytes, where it is known."""

    size: Size | None = None
    upload: UploadWay = "put"


class PartsToSign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    numbers: Annotated[list[PartNumber], msgspec.Meta(min_length=1, max_length=1_000)]


class SignedPartView(msgspec.Struct, frozen=True):
    """PUT the part there, and keep the ETag that is answered."""

    number: int
    url: str


class SignedPartsView(msgspec.Struct, frozen=True):
    parts: list[SignedPartView]


class PartSent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: PartNumber
    etag: ETag


class PartsSent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: Annotated[list[PartSent], msgspec.Meta(min_length=1, max_length=PARTS_MAX)]


class AdminVideoController(Controller):
    path = "/admin/videos"
    tags = ("Videos",)
    guards = (SignedInAs("admin"),)

    @post(
        operation_id="create_video",
        summary="Make a video",
        middleware=(Idempotent,),
        refuses=(UploadSizeNeeded, UploadTooLarge),
    )
    async def create(
        self, data: JSONBody[VideoToMake], videos: GivenVideos, asked: ByRequest
    ) -> Response[CreatedVideoView]:
        """Answers where the bytes go: straight to the platform."""
        created = await videos.create(_new_video(data), asked)
        video = video_view(await videos.just_recorded(created.video_id))
        return at(created.position, CreatedVideoView(video, upload_view(created.upload)))

    @patch(
        "/{video_id:uuid}", operation_id="describe_video", summary="Change what is said of a video", refuses=(NotFound,)
    )
    async def describe(
        self, video_id: FromPath[UUID], data: JSONBody[VideoToDescribe], videos: GivenVideos, asked: ByRequest
    ) -> Response[VideoView]:
        """What is left out stays as it is. Who is watching now is asked about by the new rules at once."""
        decided = await videos.describe(video_id, _changes(data), asked)
        return at(decided.position, video_view(await videos.just_recorded(video_id)))

    @delete(
        "/{video_id:uuid}", operation_id="delete_video", summary="Delete a video", status_code=200, refuses=(NotFound,)
    )
    async def delete(self, video_id: FromPath[UUID], videos: GivenVideos, asked: ByRequest) -> Response[VideoView]:
        """Answers the video as it was. Nobody can play it any more, and what is kept of it is removed soon."""
        before = video_view(await videos.just_recorded(video_id))
        decided = await videos.delete(video_id, asked)
        return at(decided.position, before)

    @post(
        "/{video_id:uuid}/upload",
        operation_id="grant_upload",
        summary="Another place to send a video's file",
        status_code=200,
        refuses=(NotFound, UploadNotExpected, UploadSizeNeeded, UploadTooLarge),
    )
    async def grant_upload(
        self, video_id: FromPath[UUID], data: JSONBody[UploadToGrant], videos: GivenVideos, asked: ByRequest
    ) -> Response[CreatedVideoView]:
        """For a video that still waits for its file, or could not be made of the last one."""
        granted = await videos.grant_upload(video_id, size_bytes=data.size, asked=asked, resumable=data.upload == TUS)
        video = video_view(await videos.just_recorded(video_id))
        return at(granted.position, CreatedVideoView(video, upload_view(granted.upload)))

    @post(
        "/{video_id:uuid}/upload/parts",
        operation_id="sign_upload_parts",
        summary="Where the parts of a file are sent",
        status_code=200,
        refuses=(NotFound, PartsInvalid, UploadNotExpected),
    )
    async def sign_parts(
        self, video_id: FromPath[UUID], data: JSONBody[PartsToSign], videos: GivenVideos
    ) -> SignedPartsView:
        """Of an upload with the protocol `s3_multipart`; 404 with any other."""
        urls = await videos.sign_parts(video_id, data.numbers)
        return SignedPartsView([SignedPartView(number, url) for number, url in urls.items()])

    @post(
        "/{video_id:uuid}/upload/complete",
        operation_id="complete_upload",
        summary="All parts have been sent",
        status_code=200,
        refuses=(NotFound, PartsInvalid, UploadNotExpected, UploadTooLarge),
    )
    async def complete(
        self, video_id: FromPath[UUID], data: JSONBody[PartsSent], videos: GivenVideos, asked: ByRequest
    ) -> Response[VideoView]:
        """Of an upload with the protocol `s3_multipart`; 404 with any other."""
        parts = [Part(part.number, part.etag) for part in data.parts]
        decided = await videos.complete_upload(video_id, parts, asked)
        return at(decided.position, video_view(await videos.just_recorded(video_id)))

    @post(
        "/{video_id:uuid}/publish",
        operation_id="publish_video",
        summary="Publish a video",
        status_code=200,
        refuses=(VideoNotReady,),
    )
    async def publish(self, video_id: FromPath[UUID], videos: GivenVideos, asked: ByRequest) -> Response[VideoView]:
        """From now on it is in the catalogue."""
        decided = await videos.publish(video_id, asked)
        return at(decided.position, video_view(await videos.just_recorded(video_id)))

    @post(
        "/{video_id:uuid}/unpublish",
        operation_id="unpublish_video",
        summary="Take a video out of the catalogue",
        status_code=200,
        refuses=(NotFound,),
    )
    async def unpublish(self, video_id: FromPath[UUID], videos: GivenVideos, asked: ByRequest) -> Response[VideoView]:
        """Nobody can start to play it any more."""
        decided = await videos.unpublish(video_id, asked)
        return at(decided.position, video_view(await videos.just_recorded(video_id)))


def _new_video(body: VideoToMake) -> NewVideo:
    return NewVideo(
        title=body.title,
        description=body.description,
        category=body.category,
        access=body.access,
        requires=body.requires,
        size=body.size,
        resumable=body.upload == TUS,
    )


def _changes(body: VideoToDescribe) -> Changes:
    return Changes(
        title=body.title,
        description=body.description,
        category=body.category,
        access=body.access,
        requires=body.requires,
    )
