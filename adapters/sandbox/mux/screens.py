"""`/mux/stream` and `/mux/image`: playlists and a picture, without a film, for whom has a good token."""

import base64
from typing import Any

import jwt
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from adapters.sandbox.mux.account import SIGNING_KEY_ID
from adapters.sandbox.mux.errors import MuxRefusal, no_such
from adapters.sandbox.mux.files import Film
from adapters.sandbox.mux.simulation import MuxSimulation

HEIGHTS = (2160, 1440, 1080, 720, 540, 480, 360, 270)
PLAYLIST = "application/x-mpegURL"
GREY = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP////////////////////////////////////////////////////////////////////////////////"
    "//////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)

GivenSimulation = NamedDependency[SkipValidation[MuxSimulation]]
GivenPublicKey = NamedDependency[SkipValidation[Any]]


@get("/stream/{file:str}")
async def master(
    file: FromPath[str], request: Request[Any, Any, Any], simulation: GivenSimulation, public_key: GivenPublicKey
) -> Response[str]:
    """The renditions that the token allows."""
    playback_id = file.removesuffix(".m3u8")
    claims = _claims(request, playback_id, "v", public_key, simulation.now())
    film = await _film(simulation, playback_id)
    tallest = int(claims.get("max_resolution", "2160p").removesuffix("p"))
    lines = ["#EXTM3U", "#EXT-X-VERSION:5"]
    for height in _heights(film, tallest):
        width = round(film.width * height / film.height)
        lines.append(f"#EXT-X-STREAM-INF:BANDWIDTH={height * 4_000},RESOLUTION={width}x{height}")
        lines.append(f"{playback_id}/{height}.m3u8?token={request.query_params['token']}")
    return Response("\n".join([*lines, ""]), media_type=PLAYLIST)


@get("/stream/{playback_id:str}/{file:str}")
async def rendition(
    playback_id: FromPath[str],
    file: FromPath[str],
    request: Request[Any, Any, Any],
    simulation: GivenSimulation,
    public_key: GivenPublicKey,
) -> Response[str]:
    """One segment, which is not there."""
    _claims(request, playback_id, "v", public_key, simulation.now())
    seconds = (await _film(simulation, playback_id)).seconds
    head = ["#EXTM3U", "#EXT-X-VERSION:5", f"#EXT-X-TARGETDURATION:{round(seconds) + 1}", "#EXT-X-PLAYLIST-TYPE:VOD"]
    lines = [*head, f"#EXTINF:{seconds:.3f},", file.replace(".m3u8", ".ts"), "#EXT-X-ENDLIST", ""]
    return Response("\n".join(lines), media_type=PLAYLIST)


@get("/image/{playback_id:str}/thumbnail.jpg")
async def thumbnail(
    playback_id: FromPath[str], request: Request[Any, Any, Any], simulation: GivenSimulation, public_key: GivenPublicKey
) -> Response[bytes]:
    """One grey dot."""
    _claims(request, playback_id, "t", public_key, simulation.now())
    await _film(simulation, playback_id)
    return Response(GREY, media_type="image/jpeg")


async def _film(simulation: MuxSimulation, playback_id: str) -> Film:
    film = await simulation.playable(playback_id)
    if film is None:
        raise no_such("playback id")
    return film


def _heights(film: Film, tallest: int) -> list[int]:
    """The tallest first; the smallest always, however small the film is."""
    return [height for height in HEIGHTS if height <= min(film.height, tallest)] or [HEIGHTS[-1]]


def _claims(
    request: Request[Any, Any, Any], playback_id: str, audience: str, public_key: Any, now: int
) -> dict[str, Any]:
    """Raises MuxRefusal (403); also where something stands beside the token, which Mux has signed into it."""
    if set(request.query_params) != {"token"}:
        raise MuxRefusal(403, "forbidden", "The address has to have a token, and nothing beside it.")
    token = request.query_params["token"]
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        claims: dict[str, Any] = jwt.decode(
            token, public_key, algorithms=["RS256"], audience=audience, options={"verify_exp": False}
        )
    except jwt.InvalidTokenError as wrong:
        raise MuxRefusal(403, "forbidden", f"The token is not good: {wrong}") from None
    if kid != SIGNING_KEY_ID or claims.get("sub") != playback_id or claims.get("exp", 0) <= now:
        raise MuxRefusal(403, "forbidden", "The token is over, of another key, or for another playback id.")
    return claims


screens = Router("/", route_handlers=[master, rendition, thumbnail])
