"""tus 1.0.0 in headers: what a client says, and what it is told.

https://tus.io/protocols/resumable-upload: the core protocol with its extensions checksum, expiration and termination.
An upload is made together with its video, by `POST /v1/admin/videos`.
"""

from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from email.utils import format_datetime
from typing import Any, Final

from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from application.ports.resumable_upload import CHECKSUM_ALGORITHMS, Checksum, ChecksumAlgorithm
from application.resumable_uploads import Piece, Progress
from entrypoints.http.problems import POSITION_HEADER, FieldError, Malformed, MediaTypeUnsupported, answer_exception

VERSION: Final = "1.0.0"
RESUMABLE, OFFSET, LENGTH, EXPIRES, CHECKSUM = (
    "Tus-Resumable",
    "Upload-Offset",
    "Upload-Length",
    "Upload-Expires",
    "Upload-Checksum",
)
TUS_ASKED, TUS_SAID = (RESUMABLE, OFFSET, CHECKSUM), (RESUMABLE, OFFSET, LENGTH, EXPIRES, "Tus-Version")
PIECE: Final = "application/offset+octet-stream"
OFFSET_DIGITS_MAX = 19

HERE = {RESUMABLE: VERSION}
ABILITIES = HERE | {
    "Tus-Version": VERSION,
    "Tus-Extension": "checksum,expiration,termination",
    "Tus-Checksum-Algorithm": ",".join(CHECKSUM_ALGORITHMS),
}


class TusVersionUnsupported(Malformed):
    """The client speaks another version of tus, or does not say which."""

    status = 412

    def __init__(self) -> None:
        super().__init__(
            f"This address speaks tus {VERSION}: `{RESUMABLE}: {VERSION}`.", code="tus_version_unsupported"
        )


VERSION_UNSUPPORTED = (
    412,
    "tus_version_unsupported",
    "The client speaks another version of tus, or does not say which.",
)
NO_PIECE = (415, "unsupported_media_type", f"The body must be {PIECE}.")
BAD_HEADER = (400, "invalid_parameter", "A parameter is not as documented.")


def speaks_tus(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Raises TusVersionUnsupported."""
    if connection.headers.get(RESUMABLE) != VERSION:
        raise TusVersionUnsupported


def answer_in_tus(request: Request[Any, Any, Any], exception: Exception) -> Response[bytes]:
    """The problem that an exception is, with the headers that every answer of tus has."""
    answer = answer_exception(request, exception)
    answer.headers[RESUMABLE] = VERSION
    if isinstance(exception, TusVersionUnsupported):
        answer.headers["Tus-Version"] = VERSION
    return answer


def _header(name: str, description: str, schema: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": dict(schema)}


ASKED_VERSION = _header(RESUMABLE, "The version of tus.", {"type": "string", "enum": [VERSION]})
ASKED_OFFSET = _header(OFFSET, "Where the piece begins.", {"type": "integer", "minimum": 0, "maximum": 2**40})
ASKED_CHECKSUM = _header(
    CHECKSUM,
    f"The algorithm ({', '.join(CHECKSUM_ALGORITHMS)}) and the checksum of the piece in base64.",
    {"type": "string", "examples": ["sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="]},
    required=False,
)
SAID_VERSION = {RESUMABLE: {"required": True, "schema": {"type": "string"}}}
SAID_PROGRESS = SAID_VERSION | {
    OFFSET: {"required": True, "schema": {"type": "integer"}, "description": "So many bytes are there."},
    EXPIRES: {"required": True, "schema": {"type": "string"}, "description": "When the link ends."},
    POSITION_HEADER: {
        "schema": {"type": "integer", "examples": [1201]},
        "description": "Where the ledger stands, once all of it is there.",
    },
}
SAID_ALL = SAID_PROGRESS | {
    LENGTH: {"required": True, "schema": {"type": "integer"}, "description": "So many there will be."}
}


def piece_in(request: Request[Any, Any, Any]) -> Piece:
    """Raises MediaTypeUnsupported, Malformed."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PIECE:
        raise MediaTypeUnsupported(f"The body must be {PIECE}.")
    checksum = request.headers.get(CHECKSUM)
    return Piece(
        offset=_offset_in(request.headers.get(OFFSET, "")),
        chunks=filled(request.stream()),
        size_bytes=request.content_length,
        checksum=None if checksum is None else _checksum_in(checksum),
    )


def _offset_in(header: str) -> int:
    if header.isascii() and header.isdigit() and len(header) <= OFFSET_DIGITS_MAX:
        return int(header)
    raise _bad(OFFSET, "Expected a whole number from 0.")


def _checksum_in(header: str) -> Checksum:
    name, _, encoded = header.partition(" ")
    algorithm: ChecksumAlgorithm | None = next((known for known in CHECKSUM_ALGORITHMS if known == name), None)
    try:
        digest = b64decode(encoded, validate=True)
    except ValueError:
        digest = b""
    if algorithm is None or not digest:
        raise _bad(CHECKSUM, f"Expected one of {', '.join(CHECKSUM_ALGORITHMS)}, and the checksum in base64.")
    return Checksum(algorithm, digest)


def _bad(name: str, detail: str) -> Malformed:
    return Malformed("A parameter is not as documented.", code="invalid_parameter", errors=[FieldError(name, detail)])


def told(progress: Progress, *, status: int) -> Response[None]:
    headers = HERE | {
        OFFSET: str(progress.offset),
        LENGTH: str(progress.length),
        EXPIRES: format_datetime(progress.expires_at, usegmt=True),
    }
    if progress.position is not None:
        headers[POSITION_HEADER] = str(progress.position)
    return Response(None, status_code=status, headers=headers)


async def filled(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks without the empty one that ends a request's stream."""
    async for chunk in chunks:
        if chunk:
            yield chunk
