"""`streamly demo`: the whole main job, once, on real parts; exit 0 only if every step held."""

import asyncio
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import click
from msgspec.structs import replace
from rich.console import Console

from domain.account.account import Role
from entrypoints.cli.client import Client, UnexpectedAnswer
from entrypoints.cli.endings import NOT_WELL
from entrypoints.cli.film import CannotPlay, make_clip
from entrypoints.cli.people import make_account
from entrypoints.cli.service import ServiceFailed, free_port, running_service
from entrypoints.cli.story import Story
from entrypoints.settings import Settings, read_settings
from entrypoints.wiring import Verified, ffmpeg, open_house

LOG = "service.log"
LAST_LINES = 20
PASSWORD_BYTES = 15


@click.command()
@click.option(
    "--video",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A film of yours; else a clip is made.",
)
@click.option("--keep", is_flag=True, help="Keep the database and the media afterwards.")
def demo(*, video: Path | None, keep: bool) -> None:
    """The main job once: upload, refusal, payment, playback, cancellation, refusal, and the ledger's reasons."""
    console, started = Console(highlight=False, soft_wrap=True), time.monotonic()
    settings = read_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=settings.data_dir.absolute()))
    try:
        _run(console, _for_demo(settings, folder), video)
    except (CannotPlay, ServiceFailed, UnexpectedAnswer) as trouble:
        console.print(f"[red]This did not hold:[/red] {trouble}")
        console.print(_last_words(folder / LOG), markup=False)
        raise SystemExit(NOT_WELL) from None
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    console.print(f"\nEvery step held, in {time.monotonic() - started:.1f} s.")
    console.print("Next: [b]make run[/b], then open http://127.0.0.1:8000/docs")


def _last_words(log: Path) -> str:
    """The service's last complaints, for whoever has to find out why."""
    lines = log.read_text("utf-8").splitlines() if log.is_file() else []
    return "\n".join([line for line in lines if '"level":"info"' not in line][-LAST_LINES:])


def _for_demo(settings: Settings, folder: Path) -> Settings:
    """A folder and ports of its own, and a clock that can be moved; a database that was given stays the one."""
    return replace(
        settings,
        env="development",
        data_dir=folder,
        port=free_port(),
        sandbox_port=free_port(),
        sandbox_clock=True,
        public_url="",
        host="127.0.0.1",
    )


def _run(console: Console, settings: Settings, video: Path | None) -> None:
    console.print("Starting a database, a simulated Stripe, a worker and the API …")
    with running_service(settings, log_to=settings.data_dir / LOG) as service:
        film = video or _clip(settings.data_dir / "clip.mp4")
        with Client(settings.address) as public:
            admin = _staff(public, settings, service.database.dsn, "admin")
            auditor = _staff(public, settings, service.database.dsn, "auditor")
            story = Story(console, public, admin, auditor, ffmpeg(), film)
            story.tell()
        _rebuild(console, settings, service.database.dsn)


def _clip(path: Path) -> Path:
    make_clip(ffmpeg(), path)
    return path


def _staff(public: Client, settings: Settings, dsn: str, role: Role) -> Client:
    """Somebody who works here, signed in; every run makes its own, since the database may be one that was given."""
    email = f"{role}.{secrets.token_hex(4)}@example.com"
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    make_account(settings, dsn, email=email, password=password, role=role)
    tokens = public.post("/v1/auth/login", {"email": email, "password": password})
    return public.signed_in(tokens["access_token"])


def _rebuild(console: Console, settings: Settings, dsn: str) -> None:
    """Every read model that gave the answers above compared row by row with the ledger, then built anew from it."""
    verified, facts = asyncio.run(_rebuilt(settings, dsn))
    different = [each.name for each in verified if each.differences]
    if different:
        raise UnexpectedAnswer(f"a rebuild differs from what was live: {', '.join(different)}")
    names = ", ".join(each.name for each in verified)
    console.print(f"     [b]The read models are rebuilt from {facts} facts[/b]: {names}, all identical")


async def _rebuilt(settings: Settings, dsn: str) -> tuple[list[Verified], int]:
    """What the comparisons found, and how many facts the rebuilds were made from."""
    async with open_house(settings, dsn) as house:
        names = list(house.read_models.projections)
        verified = [await house.rebuilds.verify(name) for name in names]
        rebuilt = [await house.rebuilds.rebuild(name) for name in names]
        return verified, max(each.facts for each in rebuilt)
