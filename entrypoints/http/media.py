"""HLS, captions and pictures of the local platform, behind a signed path."""

from typing import Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.params import FromPath
from litestar.response import File

from application.ports.video_platform import MediaRefused
from entrypoints.http.given import GivenPlayback

# The token is part of the address, so what a browser keeps is nobody else's, and a player on any page may read it.
HEADERS = {"Cache-Control": "private, max-age=3600", "Access-Control-Allow-Origin": "*"}
PIECE_BYTES = 262_144
"""Of a file that somebody does not read on, so much waits in memory; Litestar's own would be 1 MiB."""


class MediaController(Controller):
    path = "/media"
    tags = ("Playback",)

    @get(
        "/{token:str}/{video_id:uuid}/{path:path}",
        operation_id="read_media",
        summary="A file of a video",
        serves=("application/vnd.apple.mpegurl", "image/jpeg", "video/iso.segment", "video/mp4"),
        refuses=(MediaRefused,),
    )
    async def read(
        self, token: FromPath[str], video_id: FromPath[UUID], path: FromPath[str], playback: GivenPlayback
    ) -> Response[Any]:
        """Follow the addresses in the playlists; they are valid as long as the playback is."""
        file = await playback.media(token, video_id, path.lstrip("/"))
        if file.body is not None:
            return Response(file.body, media_type=file.media_type, headers=HEADERS)
        return File(
            file.path,
            media_type=file.media_type,
            content_disposition_type="inline",
            headers=HEADERS,
            chunk_size=PIECE_BYTES,
        )
