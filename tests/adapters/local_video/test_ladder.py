"""What comes out of a film: every height up to its own, all of its pictures, and key frames at the same moments."""

import re
from fractions import Fraction
from pathlib import Path

import pytest

from adapters.local_video.platform import LocalVideo
from adapters.transcoding.ladder import PEAK_KBIT, plan_ladder
from entrypoints.settings import SettingsInvalid, read_settings
from tests.adapters.local_video.clips import Clips
from tests.adapters.local_video.screening import Screening, gaps, listing, local_video, screen

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("source", "rungs"),
    [
        ((3840, 2160), {"240p": (426, 240), "480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}),
        ((1920, 1080), {"240p": (426, 240), "480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}),
        ((1080, 1920), {"240p": (240, 426), "480p": (480, 854), "720p": (720, 1280), "1080p": (1080, 1920)}),
        ((1280, 718), {"240p": (428, 240), "480p": (856, 480)}),
        ((240, 240), {"240p": (240, 240)}),
        ((321, 181), {"180p": (320, 180)}),
        ((120, 16), {"16p": (120, 16)}),
    ],
)
def test_the_ladder_goes_up_to_the_short_side_of_the_source_and_never_beyond(
    source: tuple[int, int], rungs: dict[str, tuple[int, int]]
) -> None:
    assert {rung.name: (rung.width, rung.height) for rung in plan_ladder(*source)} == rungs


@pytest.mark.parametrize(
    ("source", "labels"),
    [
        ((3840, 2160), [144, 360, 1440, 2160]),
        ((1440, 2560), [144, 360, 1440]),
        ((640, 360), [144, 360]),
        ((176, 144), [144]),
        ((128, 96), [96]),
    ],
)
def test_the_heights_are_those_that_are_set(source: tuple[int, int], labels: list[int]) -> None:
    assert [rung.label for rung in plan_ladder(*source, (144, 360, 1440, 2160))] == labels


@pytest.mark.parametrize("heights", ["", "240,", "100", "1080p", "240 480", "4320", "-240", "240,,480"])
def test_other_heights_cannot_be_set(heights: str) -> None:
    if heights:
        with pytest.raises(SettingsInvalid, match="LADDER_HEIGHTS"):
            read_settings({"LADDER_HEIGHTS": heights}, env_file=None)

    every = ",".join(map(str, PEAK_KBIT))
    assert read_settings({"LADDER_HEIGHTS": every}, env_file=None).ladder_heights == every


async def test_every_picture_of_the_film_is_in_every_rung(film: Screening) -> None:
    assert film.heights == [240, 480]
    assert film.processed.duration_seconds == 6.0
    for height in film.heights:
        pictures = film.pictures(height)
        assert len(pictures) == 180
        assert gaps(pictures) == pytest.approx([1 / 30] * 179, abs=1e-4)
        assert film.sound_seconds(height) == pytest.approx(6.0, abs=0.05)


async def test_key_frames_stand_every_two_seconds_in_all_rungs(film: Screening) -> None:
    assert film.key_frames(240) == film.key_frames(480) == pytest.approx([0.0, 2.0, 4.0])


async def test_the_master_playlist_tells_a_player_all_it_needs(film: Screening) -> None:
    master = film.master()

    assert master.is_independent_segments
    low, high = (variant.stream_info for variant in master.playlists)
    assert (low.resolution, high.resolution) == ((428, 240), (854, 480))
    assert low.codecs == "avc1.640015,mp4a.40.2"
    assert (low.frame_rate, high.frame_rate) == (30.0, 30.0)
    assert [rendition.bitrate for rendition in film.processed.renditions] == [low.bandwidth, high.bandwidth]


async def test_the_stated_rates_are_those_of_the_segments(film: Screening) -> None:
    for variant in film.master().playlists:
        folder = film.folder / Path(str(variant.uri)).parent
        sizes = [8 * (folder / str(part.uri)).stat().st_size for part in film.playlist(int(folder.name[:-1])).segments]

        assert variant.stream_info.average_bandwidth == pytest.approx(sum(sizes) / 6, abs=1)
        assert variant.stream_info.bandwidth == pytest.approx(max(sizes[0] / 4, sizes[1] / 2), abs=1)


async def test_segments_are_as_long_as_the_playlist_promises(film: Screening) -> None:
    for height in film.heights:
        playlist = film.playlist(height)
        assert [part.duration for part in playlist.segments] == [4.0, 2.0]
        assert playlist.target_duration == 4
        assert playlist.is_endlist
        assert playlist.is_independent_segments


async def test_the_poster_is_a_picture_of_the_film(film: Screening, clips: Clips) -> None:
    poster = (film.folder / "poster.jpg").read_bytes()

    assert poster.startswith(b"\xff\xd8\xff")
    shown = clips.make("poster.png", "-i", str(film.folder / "poster.jpg"))
    assert shown.read_bytes()[16:24] == (854).to_bytes(4) + (480).to_bytes(4)


async def test_progress_only_ever_grows_and_ends_at_one(film: Screening) -> None:
    assert film.progress == sorted(film.progress)
    assert film.progress[-1] == 1.0
    assert all(0 <= done <= 1 for done in film.progress)


async def test_nothing_is_left_but_what_is_served(film: Screening) -> None:
    assert listing(film.root / "work") == []
    assert listing(film.root / "uploads") == []
    assert listing(film.folder) == ["240p", "480p", "master.m3u8", "poster.jpg", "processed.json", "storyboard"]


async def test_full_hd_gives_four_heights(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.full_hd)

    assert shown.heights == [240, 480, 720, 1080]
    assert [len(shown.pictures(height)) for height in shown.heights] == [12] * 4
    assert str(shown.master().playlists[-1].stream_info.codecs).startswith("avc1.6400")


async def test_a_film_without_sound_has_renditions_without_sound(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.varying)

    assert shown.master().playlists[0].stream_info.codecs == "avc1.64000d"
    assert len(shown.pictures(180)) > 0


async def test_a_film_of_a_moment_is_a_film(platform: LocalVideo, clips: Clips) -> None:
    """For less than a second FFmpeg's own master playlist comes out empty."""
    shown = await screen(platform, clips.filmed("moment.mp4", "640x480", 0.1, sound=0.1))

    assert shown.heights == [240, 480]
    assert [len(shown.pictures(height)) for height in shown.heights] == [3, 3]
    assert shown.master().playlists[1].stream_info.codecs == "avc1.64001e,mp4a.40.2"


async def test_upright_films_are_measured_by_their_short_side(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.portrait)

    assert shown.heights == [240]
    assert shown.master().playlists[0].stream_info.resolution == (240, 426)


async def test_a_film_may_have_none_of_the_heights_of_a_poster(root: Path, clips: Clips) -> None:
    shown = await screen(local_video(root, heights=(1080,)), clips.full_hd)

    assert shown.heights == [1080]
    assert (shown.folder / "poster.jpg").is_file()


async def test_a_film_of_a_high_dynamic_range_is_shown_as_bright_as_it_was_filmed(
    platform: LocalVideo, clips: Clips
) -> None:
    """What PQ writes as a middle grey is the white of other screens, or nearly so."""
    shown = await screen(platform, clips.high_dynamic_range)

    assert shown.told(180, "-vf", "showinfo").count("color_trc:bt709") == 10
    brightness = [int(mean) for mean in re.findall(r"mean:\[(\d+)", shown.told(180, "-vf", "showinfo"))]
    assert all(140 < mean < 220 for mean in brightness), brightness


async def test_half_pictures_are_made_whole(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.interlaced)

    assert len(shown.pictures(180)) == 25
    counted = re.findall(r"Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+)", shown.told(180, "-vf", "idet"))
    assert sum(map(int, counted[-1])) <= 6  # of 25, which is what it finds in all that was sent


async def test_a_voice_in_the_middle_of_six_channels_is_heard_in_both_of_two(
    platform: LocalVideo, clips: Clips
) -> None:
    shown = await screen(platform, clips.surround)

    loud = re.findall(r"RMS level dB: (-?[\d.]+|-inf)", shown.told(180, "-map", "0:a", "-af", "astats"))
    assert len(loud) == 3  # left, right, both
    assert all(float(level) > -40 for level in loud)


async def test_of_several_languages_the_first_is_heard(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.two_languages)

    loud = re.findall(r"RMS level dB: (-?[\d.]+|-inf)", shown.told(180, "-map", "0:a", "-af", "astats"))
    assert all(float(level) > -40 for level in loud)


async def test_a_film_that_a_phone_stored_lying_is_shown_upright(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.rotated)

    assert shown.master().playlists[0].stream_info.resolution == (180, 320)
    assert len(shown.pictures(180)) == 90


async def test_odd_sides_are_made_even(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.odd_vp8)

    assert shown.master().playlists[0].stream_info.resolution == (320, 180)


async def test_pixels_that_are_not_square_are_made_so(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.anamorphic)

    assert shown.master().playlists[0].stream_info.resolution == (320, 180)


async def test_a_varying_rate_becomes_a_steady_one_of_the_same_length(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.varying)

    pictures = shown.pictures(180)
    assert gaps(pictures) == pytest.approx([1 / 30] * (len(pictures) - 1), abs=1e-4)
    assert shown.processed.duration_seconds == pytest.approx(3.0, abs=0.2)


async def test_the_rate_of_american_television_stays_exact(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.filmed("ntsc.mp4", "160x120", 2, rate="30000/1001"))

    assert shown.master().playlists[0].stream_info.frame_rate == 29.97
    assert gaps(shown.pictures(120)) == pytest.approx([float(Fraction(1001, 30_000))] * 59, abs=1e-4)


async def test_more_than_60_pictures_a_second_are_thinned_out(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.filmed("slow_motion.mp4", "160x120", 1, rate="120"))

    assert len(shown.pictures(120)) == 60


async def test_sound_ends_with_the_pictures(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.long_sound)

    assert shown.processed.duration_seconds == 3.0
    assert shown.sound_seconds(180) == pytest.approx(3.0, abs=0.05)


async def test_sound_that_comes_late_begins_with_silence(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.late_sound)

    assert len(shown.pictures(180)) == 90
    assert shown.sound_seconds(180) == pytest.approx(3.0, abs=0.05)


async def test_a_recording_that_does_not_say_its_length_is_taken(platform: LocalVideo, clips: Clips) -> None:
    shown = await screen(platform, clips.browser_recording)

    assert shown.processed.duration_seconds == pytest.approx(3.0, abs=0.1)
    assert max(shown.progress[:-1]) > 0.8


async def test_where_and_by_whom_it_was_filmed_is_not_told(platform: LocalVideo, clips: Clips) -> None:
    assert b"Alice Liddell" in clips.with_whereabouts.read_bytes()

    shown = await screen(platform, clips.with_whereabouts)

    for file in shown.folder.rglob("*.*"):
        content = file.read_bytes()
        assert b"Alice Liddell" not in content
        assert b"+52.52" not in content
