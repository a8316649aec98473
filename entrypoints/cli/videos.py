"""`streamly videos`: what is in the catalogue."""

from collections.abc import Sequence

import click

from application.videos import Shown
from entrypoints.cli.house import in_house
from entrypoints.cli.output import AS_JSON, print_rows
from entrypoints.wiring import House

LIMIT = 100


@click.group()
def videos() -> None:
    """The catalogue."""


@videos.command("list")
@AS_JSON
def list_videos(*, as_json: bool) -> None:
    """The published videos, the last published first (100 at most)."""

    async def read(house: House) -> Sequence[Shown]:
        return await house.videos.page(query=None, category=None, access=None, before=None, limit=LIMIT)

    columns = {
        "id": lambda shown: shown.video.video_id,
        "title": lambda shown: shown.video.title,
        "access": lambda shown: shown.video.access,
        "status": lambda shown: shown.video.status,
        "duration_seconds": lambda shown: shown.video.duration_seconds,
    }
    print_rows(in_house(read), as_json=as_json, columns=columns)
