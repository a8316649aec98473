"""HLS, captions and pictures of the local platform, behind a signed path."""

import os
from asyncio import to_thread
from collections.abc import AsyncIterator
from typing import Any, Final, Self, cast
from uuid import UUID

from litestar import Controller, Response, get, head
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import HTTPScope, Receive, Scope, Send

from application.ports.video_platform import MediaFile, MediaRefused
from entrypoints.http.files import (
    CHANGED,
    NO_SUCH_PART,
    OK,
    SAME,
    Header,
    Served,
    Version,
    serve,
    version_of_bytes,
    version_of_file,
    wanted_of,
)
from entrypoints.http.given import GivenPlayback
from entrypoints.http.problems import Problem, answer_of

PIECE_BYTES = 262_144
"""Of a file that somebody does not read on, so much waits in memory."""
NO_WAIT: Final[int | None] = getattr(os, "RWF_NOWAIT", None)
"""Linux: read what is in memory, and nothing where that would take the disk."""

# The token in an address lasts for 12 hours at most, and the pieces under it never change; of a play session nothing
# may stay with a proxy that others use. A playlist is asked for again, so that it ends with the session.
PIECES, PLAYLISTS, PICTURES = b"private, max-age=43200, immutable", b"private, no-cache", b"public, max-age=3600"
KEYS = b"no-store"
PLAYLIST_TYPES = ("application/vnd.apple.mpegurl", "text/vtt")

CHANGED_SINCE = (CHANGED, "precondition_failed", "The file is not the one that the condition names.")
TOO_FAR = (NO_SUCH_PART, "range_not_satisfiable", "The file has no such bytes; `Content-Range` says how many it has.")
TYPES = (
    "application/octet-stream",
    "application/vnd.apple.mpegurl",
    "image/jpeg",
    "video/iso.segment",
    "video/mp2t",
    "video/mp4",
)


class MediaAnswer(Response[None]):
    """What is served of a file is found out when it is: from the request's headers and the file that is opened."""

    def __init__(self, file: MediaFile) -> None:
        super().__init__(None)
        self._file = file

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        return SentMedia(self._file)


class SentMedia(ASGIResponse):
    """A file that is sent piece by piece, or what is made of it."""

    def __init__(self, file: MediaFile) -> None:
        super().__init__()
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_media(self._file, cast("HTTPScope", scope), receive, send)


class MediaController(Controller):
    path = "/media/{token:str}/{video_id:uuid}/{path:path}"
    tags = ("Playback",)

    @get(
        operation_id="read_media",
        summary="A file of a video",
        serves=TYPES,
        conditional=True,
        refuses=(MediaRefused, CHANGED_SINCE, TOO_FAR),
    )
    async def read(
        self, token: FromPath[str], video_id: FromPath[UUID], path: FromPath[str], playback: GivenPlayback
    ) -> Response[None]:
        """Follow the addresses in the playlists; they are valid as long as the playback is.

        `Range` with one range of bytes, `If-Range`, and conditions on `ETag` and `Last-Modified` are heeded; HEAD is
        answered too.
        """
        return MediaAnswer(await playback.media(token, video_id, path.lstrip("/")))

    @head(include_in_schema=False)
    async def look(
        self, token: FromPath[str], video_id: FromPath[UUID], path: FromPath[str], playback: GivenPlayback
    ) -> Response[None]:
        return MediaAnswer(await playback.media(token, video_id, path.lstrip("/")))


async def send_media(file: MediaFile, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Raises MediaRefused where the file has just gone."""
    if file.proxied_as:
        await hand_over(file, send)
        return
    if file.secret:
        await hand_out(file, send)
        return
    with OpenFile(file.path) as opened:
        version = opened.version if file.body is None else version_of_bytes(file.body, opened.version.modified)
        served = serve(wanted_of(scope["headers"]), version, parts=scope["method"] == "GET")
        if served.status in {CHANGED, NO_SUCH_PART}:
            await answer_of(problem_of(served, version), scope)(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": served.status, "headers": heads_of(file, served, version)})
        if scope["method"] == "HEAD" or not served.length:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif file.body is not None:
            body = file.body[served.start : served.start + served.length]
            await send({"type": "http.response.body", "body": body, "more_body": False})
        else:
            left = served.length
            async for piece in opened.pieces(served.start, served.length):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})


async def hand_over(file: MediaFile, send: Send) -> None:
    """The proxy in front sends the file; it heeds the request's headers and adds those of the file's version."""
    where = (b"x-accel-redirect", file.proxied_as.encode("ascii"))
    heads = [where, (b"content-length", b"0"), *kind(file)]
    await send({"type": "http.response.start", "status": OK, "headers": heads})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def hand_out(file: MediaFile, send: Send) -> None:
    """A key: all of it, each time anew, and no tag that would tell something of it."""
    key = file.body or b""
    await send(
        {"type": "http.response.start", "status": OK, "headers": [(b"content-length", b"%d" % len(key)), *kind(file)]}
    )
    await send({"type": "http.response.body", "body": key, "more_body": False})


def heads_of(file: MediaFile, served: Served, version: Version) -> list[Header]:
    said = [*served.headers(version), *kind(file)]
    return [header for header in said if header[0] != b"content-type"] if served.status == SAME else said


def kind(file: MediaFile) -> list[Header]:
    """Those that do not depend on what is in it."""
    of_a_session = PLAYLISTS if file.media_type in PLAYLIST_TYPES else KEYS if file.secret else PIECES
    return [
        (b"content-type", file.media_type.encode("ascii")),
        (b"cache-control", of_a_session if file.session_id or file.is_preview else PICTURES),
    ]


def problem_of(served: Served, version: Version) -> Problem:
    status, code, detail = CHANGED_SINCE if served.status == CHANGED else TOO_FAR
    headers = {name.decode("ascii"): value.decode("ascii") for name, value in served.headers(version)}
    return Problem(status=status, code=code, detail=detail, headers=headers)


class OpenFile:
    """A file that is open for reading; raises MediaRefused where there is none."""

    def __init__(self, path: str) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as gone:
            raise MediaRefused("the file has gone") from gone

    def __enter__(self) -> Self:
        self.version = version_of_file(os.fstat(self._descriptor))
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    async def pieces(self, start: int, length: int) -> AsyncIterator[bytes]:
        """So many bytes; what is not in memory is read beside the loop, which would stand still for the disk."""
        while length:
            piece = self._at_hand(start, min(length, PIECE_BYTES))
            if piece is None:
                piece = await to_thread(os.pread, self._descriptor, min(length, PIECE_BYTES), start)
            if not piece:
                raise OSError("the file became shorter while it was sent")
            yield piece
            start, length = start + len(piece), length - len(piece)

    def _at_hand(self, start: int, length: int) -> bytes | None:
        if NO_WAIT is None:
            return None
        piece = bytearray(length)
        try:
            read = os.preadv(self._descriptor, [piece], start, NO_WAIT)
        except OSError:  # not in memory, or no such reading on this kind of disk
            return None
        # Any buffer is written as it is; what was read of it is all there is to say.
        return cast("bytes", memoryview(piece)[:read] if read < length else piece)
