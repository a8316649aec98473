"""Captions of a film on our disk: named by its master playlist, served as the film is, and gone with it."""

import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import m3u8  # type: ignore[import-untyped]
import pytest

from adapters.local_video.captions import UNSHOWN_SECONDS
from adapters.transcoding.captions import placed, with_captions
from adapters.transcoding.limits import Limits
from application.ports.video_platform import MediaRefused, Reference, StorageFull
from domain.video.captions import CaptionTrack
from domain.video.facts import CaptionKind
from tests.adapters.local_video.clips import FFMPEG, Clips
from tests.adapters.local_video.screening import NOW, Screening, in_an_hour, listing, local_video, upload
from tests.adapters.local_video.test_delivery import fetch, grant

pytestmark = pytest.mark.anyio

TEXT = "WEBVTT\n\n00:00.500 --> 00:02.000\nGood evening\n\n00:04.500 --> 00:05.500\nGood night\n"
OTHER = TEXT.replace("Good", "Bonne")


def track(text: str, language: str = "en", kind: CaptionKind = "subtitles", label: str = "English") -> CaptionTrack:
    digest = sha256(text.encode()).hexdigest()
    return CaptionTrack(kind=kind, language=language, label=label, sha256=digest, size_bytes=len(text.encode()))


async def keep_and_show(film: Screening, *pairs: tuple[CaptionTrack, str]) -> None:
    for one, text in pairs:
        await film.platform.keep_captions(film.video_id, one.sha256, text)
    await film.platform.show_captions(film.video_id, "", [one for one, _ in pairs])


@pytest.fixture
async def captioned(film: Screening, tmp_path: Path) -> Screening:
    """A copy of the film, in English, and in French for who cannot hear."""
    root = shutil.copytree(film.root, tmp_path / "film", copy_function=os.link)
    copy = replace(film, root=root, platform=local_video(root))
    await keep_and_show(copy, (track(TEXT), TEXT), (track(OTHER, "fr", "captions", 'Dit "français" {$x}'), OTHER))
    return copy


@pytest.fixture
async def token(captioned: Screening) -> str:
    return (await grant(captioned)).token


def body(film: Screening, token: str, path: str) -> str:
    served = fetch(film, token, path)
    return (served.body if served.body is not None else Path(served.path).read_bytes()).decode()


def texts_under(film: Screening, token: str) -> list[str]:
    """The addresses of the texts, as a player finds them from the master playlist."""
    master = m3u8.loads(body(film, token, "master.m3u8"))
    lists = [m3u8.loads(body(film, token, str(media.uri))) for media in master.media]
    return [f"captions/{one.segments[0].uri}" for one in lists]


async def test_the_master_playlist_names_each_track_and_every_variant_has_them(
    captioned: Screening, token: str
) -> None:
    for max_height, heights in ((None, 2), (240, 1)):
        leave = (await grant(captioned, max_height=max_height)).token
        master = m3u8.loads(body(captioned, leave, "master.m3u8"))
        assert [variant.stream_info.subtitles for variant in master.playlists] == ["text"] * heights
        english, french = master.media
        assert (english.type, english.group_id, english.name, english.language) == (
            "SUBTITLES",
            "text",
            "English",
            "en",
        )
        assert (english.default, english.autoselect, english.forced) == ("NO", "YES", "NO")
        assert (french.name, french.language, english.characteristics) == ("Dit français $x", "fr", None)
        assert "describes-music-and-sound" in str(french.characteristics)


async def test_a_track_is_one_segment_as_long_as_the_film_that_begins_with_its_pictures(
    captioned: Screening, token: str
) -> None:
    playlist = m3u8.loads(body(captioned, token, "captions/en.subtitles.m3u8"))

    assert playlist.is_endlist
    assert playlist.target_duration == 6
    (segment,) = playlist.segments
    assert segment.duration == pytest.approx(captioned.processed.duration_seconds)
    text = fetch(captioned, token, f"captions/{segment.uri}")
    assert (text.media_type, text.session_id, text.proxied_as) == (
        "text/vtt",
        fetch(captioned, token, "master.m3u8").session_id,
        "",
    )
    begins = captioned.pictures(240, "-copyts")[0]
    assert begins == pytest.approx(2 / 30)
    assert text.body == placed(TEXT, begins).encode()
    assert body(captioned, token, f"captions/{segment.uri}").startswith(
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:6000,LOCAL:00:00:00.000\n\n"
    )


async def test_ffmpeg_plays_them_with_the_film(captioned: Screening, token: str, clips: Clips) -> None:
    """From what is served, put where its addresses say."""
    places = ["master.m3u8", "captions/en.subtitles.m3u8", *texts_under(captioned, token)[:1]]
    for path in places:
        content = body(captioned, token, path)
        file = captioned.folder / path
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(content)

    heard = clips.make("heard.vtt", "-i", str(captioned.folder / "captions/en.subtitles.m3u8"), "-map", "0:s:0")

    assert FFMPEG.is_file()
    assert heard.read_text() == TEXT


async def test_a_preview_has_the_cues_of_its_span_alone(captioned: Screening) -> None:
    ids = captioned.processed.playback_id
    preview = captioned.platform.grant_preview(ids, video_id=captioned.video_id, seconds=1, until=in_an_hour())
    assert preview is not None

    playlist = m3u8.loads(body(captioned, preview.token, "captions/en.subtitles.m3u8"))
    text = fetch(captioned, preview.token, texts_under(captioned, preview.token)[0])

    assert playlist.segments[0].duration == 4.0
    assert text.is_preview
    assert fetch(captioned, preview.token, "master.m3u8").is_preview
    assert b"Good evening" in (text.body or b"")
    assert b"Good night" not in (text.body or b"")


async def test_only_who_may_see_the_film_reads_along(captioned: Screening, token: str) -> None:
    poster = captioned.platform.thumbnail_url(captioned.video_id, captioned.processed.playback_id, now=NOW)
    text = texts_under(captioned, token)[0]

    for path in ("captions/en.subtitles.m3u8", text):
        with pytest.raises(MediaRefused, match="pictures alone"):
            fetch(captioned, poster.split("/")[-3], path)
        with pytest.raises(MediaRefused):
            captioned.platform.open_media(token, uuid4(), path, now=NOW)
        with pytest.raises(MediaRefused, match="over"):
            fetch(captioned, token, path, now=in_an_hour())


@pytest.mark.parametrize(
    "path",
    [
        "captions/de.subtitles.m3u8",
        "captions/en.captions.m3u8",
        "captions/tracks.json",
        f"captions/{'0' * 64}.vtt",
        "captions/../master.m3u8",
        "captions/",
    ],
)
async def test_nothing_else_is_served_of_them(captioned: Screening, token: str, path: str) -> None:
    with pytest.raises(MediaRefused):
        fetch(captioned, token, path)


async def test_replaced_the_new_text_is_shown_and_the_old_one_is_gone(captioned: Screening, token: str) -> None:
    old, _ = texts_under(captioned, token)
    await keep_and_show(captioned, (track(OTHER), OTHER))

    assert body(captioned, token, texts_under(captioned, token)[0]) == placed(OTHER, 2 / 30)
    with pytest.raises(MediaRefused):
        fetch(captioned, token, old)
    await keep_and_show(captioned)
    assert "SUBTITLES" not in body(captioned, token, "master.m3u8")
    assert fetch(captioned, token, "master.m3u8").body is None


async def test_a_text_that_is_in_no_track_goes_with_time(captioned: Screening) -> None:
    folder = captioned.root / "captions" / str(captioned.video_id)
    fresh = track("fresh")
    for file in folder.glob("*.vtt"):
        os.utime(file, (0, file.stat().st_mtime - UNSHOWN_SECONDS - 1))
    await captioned.platform.keep_captions(captioned.video_id, fresh.sha256, "fresh")

    await keep_and_show(captioned, (track(TEXT), TEXT))

    assert listing(folder) == sorted([f"{track(TEXT).sha256}.vtt", f"{fresh.sha256}.vtt", "tracks.json"])


async def test_deleted_the_film_leaves_no_captions_and_takes_none(captioned: Screening, token: str) -> None:
    await captioned.platform.delete(Reference(captioned.video_id))
    assert listing(captioned.root / "captions") == []

    await keep_and_show(captioned, (track(TEXT), TEXT))

    assert listing(captioned.root / "captions") == []
    with pytest.raises(MediaRefused):
        fetch(captioned, token, "captions/en.subtitles.m3u8")


async def test_made_anew_the_film_keeps_them(captioned: Screening, clips: Clips) -> None:
    digest = await upload(captioned.platform, clips.small, captioned.video_id)
    processed = await captioned.platform.process(captioned.video_id, sha256=digest, on_progress=lambda _: None)
    again = replace(captioned, processed=processed)

    assert len(texts_under(again, (await grant(again)).token)) == 2


async def test_where_there_is_no_room_nothing_is_kept(captioned: Screening) -> None:
    full = local_video(captioned.root, limits=Limits(free_bytes=2**60))
    folder = captioned.root / "captions" / str(captioned.video_id)
    before = listing(folder)

    with pytest.raises(StorageFull):
        await full.keep_captions(captioned.video_id, "ab" * 32, TEXT)
    assert listing(folder) == before


def test_two_tracks_of_one_name_are_told_apart() -> None:
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n240p/index.m3u8\n"
    shown = with_captions(master, [track(TEXT), track(TEXT, kind="captions")])

    names = [media.name for media in m3u8.loads(shown).media]
    assert names == ["English (en, subtitles)", "English (en, captions)"]
    assert with_captions(shown, [track(TEXT)]) == with_captions(master, [track(TEXT)])
    assert with_captions(shown, []) == master


def test_no_two_tracks_have_one_name_and_none_an_empty_one() -> None:
    labels = {"en": "A", "de": "A", "fr": "A (en, subtitles)", "it": '"', "es": " ", "pt": "it"}
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n240p/index.m3u8\n"

    shown = m3u8.loads(
        with_captions(master, [track(TEXT, language, label=label) for language, label in labels.items()])
    )

    names = [media.name for media in shown.media]
    assert len(set(names)) == len(labels)
    assert all(name and name.strip() for name in names)
    assert names[0] == "A (en, subtitles)"
