"""Small pictures of a film for the bar of a player: as many as are looked at, each where it says."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from adapters.transcoding.probe import Source
from adapters.transcoding.storyboard import Storyboard, plan_storyboard, write_index
from application.ports.video_platform import MediaRefused
from tests.adapters.local_video.clips import Clips
from tests.adapters.local_video.screening import NOW, Screening, contents, listing, local_video
from tests.adapters.local_video.test_delivery import fetch, grant, path_in

pytestmark = pytest.mark.anyio

CUE = re.compile(r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)\n")


def source(seconds: float, width: int = 1920, height: int = 1080) -> Source:
    return Source(width=width, height=height, frame_rate=Fraction(30), duration_seconds=seconds, has_sound=False)


def cues(text: str) -> list[tuple[float, float, str, tuple[int, ...]]]:
    """From when until when, and which part of which sheet."""

    def seconds(hours: str, minutes: str, rest: str) -> float:
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)

    found = CUE.findall(text)
    return [(seconds(*one[:3]), seconds(*one[3:6]), one[6], tuple(map(int, one[7:]))) for one in found]


async def test_each_part_of_a_sheet_is_the_film_at_its_moment(film: Screening, clips: Clips) -> None:
    folder = film.folder / "storyboard"
    assert listing(folder) == ["index.vtt", "sheet_00.jpg"]
    shown = cues((folder / "index.vtt").read_text())
    sheet = grey(clips, folder / "sheet_00.jpg", "null")
    moments = grey(clips, clips.landscape, "fps=1:round=up,scale=160:90:flags=area")

    assert [one[:3] for one in shown] == [(0, 2, "sheet_00.jpg"), (2, 4, "sheet_00.jpg"), (4, 6, "sheet_00.jpg")]
    for begins, _, _, (x, y, width, height) in shown:
        picture = b"".join(sheet[800 * row + x : 800 * row + x + width] for row in range(y, y + height))
        each = [moments[at : at + width * height] for at in range(0, len(moments), width * height)]
        nearest = min(range(len(each)), key=lambda second: difference(picture, each[second]))
        assert (width, height, nearest) == (160, 90, begins)


def grey(clips: Clips, pictures: Path, filters: str) -> bytes:
    """A byte to each pixel."""
    return clips.make("grey.raw", "-i", str(pictures), "-vf", f"{filters},format=gray", "-f", "rawvideo").read_bytes()


async def test_who_plays_the_film_is_told_where_it_is(film: Screening) -> None:
    granted = await grant(film, max_height=240)
    token, path = path_in(film, granted.storyboard_url)

    assert (token, path) == (granted.token, "storyboard/index.vtt")
    index = fetch(film, token, path)
    assert (index.media_type, Path(index.path)) == ("text/vtt", film.folder / path)
    ((_, _, sheet, _), *_) = cues(contents(Path(index.path)).decode())
    assert fetch(film, token, f"storyboard/{sheet}").media_type == "image/jpeg"
    assert fetch(film, token, f"storyboard/{sheet}").session_id == index.session_id is not None
    poster, _ = path_in(film, film.platform.thumbnail_url(film.video_id, film.processed.playback_id, now=NOW))
    for refused, named in ((poster, path), (token, "storyboard/sheet_01.jpg"), (token, "storyboard/x.vtt")):
        with pytest.raises(MediaRefused):
            fetch(film, refused, named)


async def test_of_what_was_made_before_there_were_any_none_is_named(film: Screening, tmp_path: Path) -> None:
    older = replace(film, root=tmp_path, platform=local_video(tmp_path))

    assert (await grant(older)).storyboard_url == ""


def difference(one: bytes, other: bytes) -> int:
    assert len(one) == len(other) > 0
    return sum(abs(left - right) for left, right in zip(one, other, strict=True))


@pytest.mark.parametrize(("length", "between"), [(0.1, 2), (60, 2), (800, 2), (801, 4), (7200, 18), (12 * 3600, 108)])
def test_however_long_the_film_there_are_not_more_than_400(tmp_path: Path, length: float, between: int) -> None:
    (tmp_path / "storyboard").mkdir()
    storyboard = plan_storyboard(source(length))
    write_index(tmp_path, storyboard, duration_seconds=length, picture_seconds=1 / 30)

    shown = cues((tmp_path / "storyboard/index.vtt").read_text())

    assert storyboard == Storyboard(between, 160, 90)
    assert 1 <= len(shown) <= 400
    assert shown[-1][1] == pytest.approx(length, abs=0.001)
    assert [ends for _, ends, _, _ in shown[:-1]] == [begins for begins, _, _, _ in shown[1:]]
    assert shown[-1][2] == f"sheet_{(len(shown) - 1) // 25:02d}.jpg"
    assert len({one[2:] for one in shown}) == len(shown)
    assert all(x + w <= 800 and y + h <= 450 for _, _, _, (x, y, w, h) in shown)


def test_a_film_that_is_longer_than_it_said_has_as_many_as_fit(tmp_path: Path) -> None:
    (tmp_path / "storyboard").mkdir()
    write_index(tmp_path, plan_storyboard(source(10)), duration_seconds=10_000, picture_seconds=1 / 30)

    shown = cues((tmp_path / "storyboard/index.vtt").read_text())
    assert (len(shown), shown[-1][2]) == (400, "sheet_15.jpg")


def test_pictures_keep_their_shape_and_are_never_made_larger() -> None:
    assert plan_storyboard(source(9, 1080, 1920)) == Storyboard(2, 90, 160)
    assert plan_storyboard(source(9, 64, 48)) == Storyboard(2, 64, 48)
    assert plan_storyboard(source(9, 8192, 1024)) == Storyboard(2, 160, 20)
