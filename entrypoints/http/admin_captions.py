"""How admins give captions to a video, replace them and take them away."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, get, put
from litestar.params import FromPath, PathParameter, QueryParameter, RawBody

from application.captions import CaptionsNotSupported, NewCaptions
from application.errors import NotFound
from application.ports.video_platform import StorageFull
from domain.video.captions import CaptionTrack, LanguageInvalid, TooManyCaptions
from domain.video.facts import CaptionKind
from domain.video.webvtt import CaptionsInvalid
from entrypoints.http.authentication import ByRequest, SignedInAs
from entrypoints.http.documented_problems import TOO_LARGE
from entrypoints.http.given import GivenCaptions
from entrypoints.http.paging import INVALID_CURSOR, Cursor, Limit, Page, page_of, position_after
from entrypoints.http.positions import at
from entrypoints.http.texts import NO_NUL

Language = Annotated[str, PathParameter(description="By BCP 47, such as en or pt-BR.", max_length=35)]
Label = Annotated[
    str,
    QueryParameter(description="What a viewer picks the track by.", min_length=1, max_length=100, pattern=NO_NUL),
]


class CaptionTrackView(msgspec.Struct, frozen=True, kw_only=True):
    """A track; `size` in bytes, and the SHA-256 in hexadecimal, of the text as it is kept."""

    kind: CaptionKind
    language: Annotated[str, msgspec.Meta(examples=["pt-BR"])]
    label: Annotated[str, msgspec.Meta(examples=["Português"])]
    size: int
    sha256: str


class AdminCaptionController(Controller):
    path = "/admin/videos/{video_id:uuid}/captions"
    tags = ("Videos",)
    guards = (SignedInAs("admin"),)

    @get(operation_id="list_captions", summary="The captions of a video", refuses=(INVALID_CURSOR, NotFound))
    async def listing(
        self, video_id: FromPath[UUID], captions: GivenCaptions, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[CaptionTrackView]:
        """In the order in which they first came."""
        tracks = list(enumerate(await captions.of(video_id), 1))[position_after(cursor) or 0 :]
        return page_of(tracks, limit, view=lambda one: view(one[1]), key=lambda one: one[0])

    @put(
        "/{kind:str}/{language:str}",
        operation_id="provide_captions",
        summary="Give captions to a video, or replace them",
        takes="text/vtt",
        refuses=(
            CaptionsInvalid,
            CaptionsNotSupported,
            LanguageInvalid,
            NotFound,
            StorageFull,
            TOO_LARGE,
            TooManyCaptions,
        ),
    )
    async def provide(
        self,
        video_id: FromPath[UUID],
        kind: FromPath[CaptionKind],
        language: Language,
        label: Label,
        body: RawBody,
        captions: GivenCaptions,
        asked: ByRequest,
    ) -> Response[CaptionTrackView]:
        """The body is WebVTT, of at most 1 MB. Who begins to play the video a moment later can pick the track."""
        new = NewCaptions(kind=kind, language=language, label=label, body=body)
        track, decided = await captions.provide(video_id, new, asked)
        return at(decided.position, view(track))

    @delete(
        "/{kind:str}/{language:str}",
        operation_id="remove_captions",
        summary="Take captions away from a video",
        status_code=200,
        refuses=(LanguageInvalid, NotFound),
    )
    async def remove(
        self,
        video_id: FromPath[UUID],
        kind: FromPath[CaptionKind],
        language: Language,
        captions: GivenCaptions,
        asked: ByRequest,
    ) -> Response[CaptionTrackView]:
        """Answers the track as it was."""
        track, decided = await captions.remove(video_id, kind=kind, language=language, asked=asked)
        return at(decided.position, view(track))


def view(track: CaptionTrack) -> CaptionTrackView:
    return CaptionTrackView(
        kind=track.kind,
        language=track.language,
        label=track.label,
        size=track.size_bytes,
        sha256=track.sha256,
    )
