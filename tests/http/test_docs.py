"""The browsable documentation needs no other host, and runs only what is ours."""

import re
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

import entrypoints.http

pytestmark = pytest.mark.anyio

SWAGGER_UI = Path(entrypoints.http.__file__).parent / "assets" / "swagger-ui"


async def test_the_page_names_no_other_host(small: httpx.AsyncClient) -> None:
    page = await small.get("/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "://" not in page.text
    assert "://" not in (await small.get("/docs/assets/start.js")).text
    assert "unsafe" not in page.headers["content-security-policy"]


async def test_everything_that_the_page_names_is_there(small: httpx.AsyncClient) -> None:
    named = re.findall(r'(?:src|href)="([^"]+)"', (await small.get("/docs")).text)
    answers = [await small.get(address) for address in named]

    assert len(named) == 4
    assert [answer.status_code for answer in answers] == [200] * 4
    assert {answer.headers["content-type"].partition(";")[0] for answer in answers} == {
        "image/svg+xml",
        "text/css",
        "text/javascript",
    }


@pytest.mark.parametrize("name", ["LICENSE", "..%2fdocs.html", "nothing.js"])
async def test_nothing_else_is_served(small: httpx.AsyncClient, name: str) -> None:
    assert (await small.get(f"/docs/assets/{name}")).status_code == 404


async def test_swagger_ui_is_the_one_that_was_checked_in() -> None:
    notice = (SWAGGER_UI / "NOTICE").read_text()

    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"{sha256((SWAGGER_UI / name).read_bytes()).hexdigest()}" in notice
    assert "Apache License" in (SWAGGER_UI / "LICENSE").read_text()
