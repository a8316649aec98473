"""A film is served to one session, of one video, up to one height, until one moment; and to nobody else."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import m3u8  # type: ignore[import-untyped]
import pytest

from adapters.local_video.platform import PICTURE_BUCKET, LocalVideo
from adapters.transcoding.encryption import KEY
from application.ports.video_platform import MediaFile, MediaRefused, PlaybackGrant
from tests.adapters.local_video.screening import KEYS, NOW, Screening, contents, in_an_hour, local_video

pytestmark = pytest.mark.anyio

SESSION = UUID("0199aa00-0000-7000-8000-00000000000a")


async def grant(film: Screening, *, until: datetime | None = None, max_height: int | None = None) -> PlaybackGrant:
    return await film.platform.grant_playback(
        film.processed.playback_id,
        video_id=film.video_id,
        session_id=SESSION,
        until=until or in_an_hour(),
        max_height=max_height,
    )


def fetch(film: Screening, token: str, path: str, *, now: datetime = NOW) -> MediaFile:
    return film.platform.open_media(token, film.video_id, path, now=now)


def path_in(film: Screening, url: str) -> tuple[str, str]:
    """The token and the path of an address, as the web server takes it apart."""
    token, video_id, path = url.removeprefix("https://video.example/media/").split("/", 2)
    assert video_id == str(film.video_id)
    return token, path


async def test_a_player_finds_everything_under_the_address_that_it_was_given(film: Screening) -> None:
    granted = await grant(film)
    token, path = path_in(film, granted.url)
    assert (token, path) == (granted.token, "master.m3u8")

    master = fetch(film, token, path)
    assert (master.session_id, master.media_type) == (SESSION, "application/vnd.apple.mpegurl")
    for variant in m3u8.load(master.path).playlists:
        playlist = fetch(film, token, str(variant.uri))
        parts = m3u8.load(playlist.path)
        folder = str(variant.uri).split("/")[0]
        header = fetch(film, token, f"{folder}/{parts.segment_map[0].uri}")
        segments = [fetch(film, token, f"{folder}/{part.uri}") for part in parts.segments]
        assert (playlist.media_type, header.media_type) == ("application/vnd.apple.mpegurl", "video/mp4")
        assert [part.media_type for part in segments] == ["video/iso.segment"] * 2
        assert all(contents(Path(part.path)) for part in segments)


async def test_a_grant_ends_when_it_says(film: Screening) -> None:
    until = NOW + timedelta(minutes=5, microseconds=7)
    granted = await grant(film, until=until)

    assert granted.expires_at == until
    fetch(film, granted.token, "master.m3u8", now=until - timedelta(microseconds=1))
    with pytest.raises(MediaRefused, match="over"):
        fetch(film, granted.token, "master.m3u8", now=until)


async def test_a_grant_for_one_video_opens_no_other(film: Screening) -> None:
    granted = await grant(film)

    with pytest.raises(MediaRefused, match="not for this video"):
        film.platform.open_media(granted.token, uuid4(), "master.m3u8", now=NOW)


async def test_a_token_with_any_character_changed_or_added_is_refused(film: Screening) -> None:
    token = (await grant(film)).token

    for place, character in enumerate(token):
        for other in {"A", "B", "_", "=", ".", " "} - {character}:
            with pytest.raises(MediaRefused):
                fetch(film, token[:place] + other + token[place + 1 :], "master.m3u8")
    for padding in ("=", "!", "====", "\n", " "):  # which a lenient decoder skips
        with pytest.raises(MediaRefused):
            fetch(film, token + padding, "master.m3u8")


@pytest.mark.parametrize(
    "token", ["", ".", "november", "november.", ".AAAA", "november.é", "november." + "A" * 10_000, "\0"]
)
def test_what_is_no_token_is_refused(film: Screening, token: str) -> None:
    with pytest.raises(MediaRefused):
        fetch(film, token, "master.m3u8")


async def test_a_token_signed_by_somebody_else_is_refused(film: Screening, tmp_path: Path) -> None:
    stranger = local_video(tmp_path, keys={"november": b"a guess at November's secret"})
    forged = await stranger.grant_playback(
        film.processed.playback_id, video_id=film.video_id, session_id=SESSION, until=in_an_hour(), max_height=None
    )

    with pytest.raises(MediaRefused, match="not ours"):
        fetch(film, forged.token, "master.m3u8")


async def test_keys_are_replaced_without_stopping_those_who_watch(film: Screening) -> None:
    token = (await grant(film)).token
    december = {"december": b"December's secret, 32 bytes long"}

    local_video(film.root, keys=december | KEYS).open_media(token, film.video_id, "master.m3u8", now=NOW)
    with pytest.raises(MediaRefused):
        local_video(film.root, keys=december).open_media(token, film.video_id, "master.m3u8", now=NOW)


@pytest.mark.parametrize("keys", [{}, {"short": b"fifteen bytes.."}, {"with.dot": b"x" * 32}, {"": b"x" * 32}])
def test_a_platform_without_proper_keys_does_not_start(tmp_path: Path, keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="signing key"):
        LocalVideo(tmp_path, public_url="https://video.example", signing_keys=keys)


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "../../../uploads/film",
        "240p/../processed.json",
        "240p/../master.m3u8",
        "240p/%2e%2e/processed.json",
        "240p//index.m3u8",
        "./master.m3u8",
        "master.m3u8\n",
        "master.m3u8\0",
        "processed.json",
        "240p",
        "240p/",
        "240p/seg_00000.m4s/",
        "240p/seg_99999.m4s",
        "240p/seg_\u0660\u0660\u0660\u0660\u0660.m4s",
        "360p/index.m3u8",
        "0240p/index.m3u8",
        "240P/index.m3u8",
        "240p\\index.m3u8",
    ],
)
async def test_only_the_files_of_the_film_are_served(film: Screening, path: str) -> None:
    token = (await grant(film)).token

    with pytest.raises(MediaRefused):
        fetch(film, token, path)


async def test_no_symbolic_link_is_followed(film: Screening, tmp_path: Path) -> None:
    root = tmp_path / "videos"
    shutil.copytree(film.root, root)
    copy, token = local_video(root), (await grant(film)).token
    folder = root / film.folder.relative_to(film.root)
    copy.open_media(token, film.video_id, "240p/index.m3u8", now=NOW)

    (tmp_path / "secret").write_text("secret")
    (folder / "240p" / "seg_00000.m4s").unlink()
    (folder / "240p" / "seg_00000.m4s").symlink_to(tmp_path / "secret")
    (folder / "480p").rename(tmp_path / "480p")
    (folder / "480p").symlink_to(tmp_path / "480p")

    for path in ("240p/seg_00000.m4s", "480p/index.m3u8"):
        with pytest.raises(MediaRefused):
            copy.open_media(token, film.video_id, path, now=NOW)

    copy.open_media(token, film.video_id, "240p/seg_00001.m4s", now=NOW)
    folder.rename(tmp_path / "playback")
    folder.symlink_to(tmp_path / "playback")
    with pytest.raises(MediaRefused):
        copy.open_media(token, film.video_id, "240p/seg_00001.m4s", now=NOW)


async def test_a_plan_with_a_height_sees_no_rendition_above_it(film: Screening) -> None:
    token = (await grant(film, max_height=479)).token

    master = fetch(film, token, "master.m3u8")

    assert master.body is not None
    shown = m3u8.loads(master.body.decode())
    assert [variant.uri for variant in shown.playlists] == ["240p/index.m3u8"]
    assert shown.is_independent_segments
    fetch(film, token, "240p/index.m3u8")
    fetch(film, token, "240p/seg_00000.m4s")
    for path in ("480p/index.m3u8", "480p/init_1.mp4", "480p/seg_00000.m4s"):
        with pytest.raises(MediaRefused, match="heights"):
            fetch(film, token, path)


@pytest.mark.parametrize(
    ("max_height", "heights"), [(None, [240, 480]), (99_999, [240, 480]), (480, [240, 480]), (144, [240])]
)
async def test_the_height_of_the_plan_itself_is_included(
    film: Screening, max_height: int | None, heights: list[int]
) -> None:
    token = (await grant(film, max_height=max_height)).token

    master = fetch(film, token, "master.m3u8")

    text = (master.body or contents(Path(master.path))).decode()
    assert [int(str(variant.uri).split("p/")[0]) for variant in m3u8.loads(text).playlists] == heights


@pytest.mark.parametrize(("seconds", "shown"), [(1, 1), (4, 1), (5, 2), (60, 2)])
async def test_a_preview_is_the_beginning_in_whole_segments_and_nothing_else(
    film: Screening, seconds: int, shown: int
) -> None:
    until = NOW + timedelta(hours=1)
    preview = film.platform.grant_preview(
        film.processed.playback_id, video_id=film.video_id, seconds=seconds, until=until
    )
    assert preview is not None
    token = preview.token

    def opened(path: str, now: datetime = NOW) -> MediaFile:
        return film.platform.open_media(token, film.video_id, path, now=now)

    assert opened("master.m3u8").body is None
    for rung in ("240p", "480p"):
        playlist = opened(f"{rung}/index.m3u8").body or contents(film.folder / rung / "index.m3u8")
        listed = m3u8.loads(playlist.decode())
        assert [segment.uri for segment in listed.segments] == ["seg_00000.m4s", "seg_00001.m4s"][:shown]
        assert listed.is_endlist
        assert opened(f"{rung}/{listed.segment_map[0].uri}").is_preview
        for number in (0, 1):
            if number < shown:
                assert opened(f"{rung}/seg_0000{number}.m4s").session_id is None
            else:
                with pytest.raises(MediaRefused):
                    opened(f"{rung}/seg_0000{number}.m4s")
    for path, now in (
        ("master.m3u8", until),
        (KEY, NOW),
        ("storyboard/index.vtt", NOW),
        ("storyboard/sheet_00.jpg", NOW),
    ):
        with pytest.raises(MediaRefused):
            opened(path, now)


async def test_a_thumbnail_shows_the_poster_and_nothing_else(film: Screening) -> None:
    token, path = path_in(film, film.platform.thumbnail_url(film.video_id, film.processed.playback_id, now=NOW))

    poster = fetch(film, token, path)

    assert (path, poster.media_type, poster.session_id) == ("poster.jpg", "image/jpeg", None)
    for hidden in ("master.m3u8", "240p/index.m3u8", "240p/seg_00000.m4s"):
        with pytest.raises(MediaRefused, match="pictures alone"):
            fetch(film, token, hidden)


async def test_the_address_of_a_thumbnail_stays_for_hours_and_holds_as_long_after(film: Screening) -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    last = noon + PICTURE_BUCKET - timedelta(microseconds=1)
    urls = [film.platform.thumbnail_url(film.video_id, film.processed.playback_id, now=now) for now in (noon, last)]
    token, path = path_in(film, urls[0])

    assert urls[0] == urls[1]
    assert urls[0] != film.platform.thumbnail_url(film.video_id, film.processed.playback_id, now=noon + PICTURE_BUCKET)
    fetch(film, token, path, now=last + PICTURE_BUCKET)
    with pytest.raises(MediaRefused, match="over"):
        fetch(film, token, path, now=noon + 2 * PICTURE_BUCKET)


async def test_an_upload_link_plays_nothing(film: Screening) -> None:
    upload = await film.platform.grant_upload(film.video_id, size_bytes=None, now=NOW)

    with pytest.raises(MediaRefused, match="something else"):
        fetch(film, upload.url.split("/")[-2], "master.m3u8")


async def test_a_film_that_is_gone_is_refused(film: Screening, tmp_path: Path) -> None:
    token = (await grant(film)).token

    with pytest.raises(MediaRefused, match="no such file"):
        local_video(tmp_path).open_media(token, film.video_id, "master.m3u8", now=NOW)
