"""The API, browsable at /docs: Swagger UI from our own host, so that it needs no other one."""

from functools import cache
from pathlib import Path
from typing import Annotated

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import PathParameter

ASSETS = Path(__file__).parent / "assets"
PAGE = ASSETS / "docs.html"
FILES = {
    "favicon.svg": ("image/svg+xml", ASSETS / "favicon.svg"),
    "start.js": ("text/javascript", ASSETS / "start.js"),
    "swagger-ui-bundle.js": ("text/javascript", ASSETS / "swagger-ui" / "swagger-ui-bundle.js"),
    "swagger-ui.css": ("text/css", ASSETS / "swagger-ui" / "swagger-ui.css"),
}

# Swagger UI draws its icons from data: URLs; everything else comes from here.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CACHED_FOR_AN_HOUR = "public, max-age=3600"


@get("/docs", media_type="text/html", sync_to_thread=False)
def docs_page() -> Response[bytes]:
    return Response(read(PAGE), headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})


@get("/docs/assets/{name:str}", sync_to_thread=False)
def docs_asset(name: Annotated[str, PathParameter()]) -> Response[bytes]:
    if name not in FILES:
        raise NotFoundException
    media_type, path = FILES[name]
    return Response(read(path), media_type=media_type, headers={"Cache-Control": CACHED_FOR_AN_HOUR})


@cache
def read(path: Path) -> bytes:
    """A file's bytes, read once: there are four, of 2 MB together."""
    return path.read_bytes()


docs_router = Router("/", route_handlers=[docs_page, docs_asset], include_in_schema=False)
