"""Each height lies inside the folder of the next taller one, so that leave for a folder is leave up to its height."""

from pathlib import Path

import pytest

from adapters.s3.layout import CARRIED, DEFINED, files_of, folder_up_to, heights_of, named, prefix_of

HEIGHTS = [240, 1080, 480]
TALL, MIDDLE, LOW = "le1080/", "le1080/le480/", "le1080/le480/le240/"
MASTER = (
    "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=426x240\n240p/index.m3u8\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=854x480\n480p/index.m3u8\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=3,RESOLUTION=1920x1080\n1080p/index.m3u8\n"
)
MEDIA = '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MAP:URI="init_0.mp4"\n#EXTINF:4.0,\nseg_00000.m4s\n#EXT-X-ENDLIST\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "master.m3u8").write_text(MASTER)
    (tmp_path / "poster.jpg").write_bytes(b"jpg")
    for height in HEIGHTS:
        rung = tmp_path / f"{height}p"
        rung.mkdir()
        (rung / "index.m3u8").write_text(MEDIA)
        (rung / "init_0.mp4").write_bytes(b"init")
        (rung / "seg_00000.m4s").write_bytes(b"segment")
    return tmp_path


def test_the_playback_id_carries_the_heights_tallest_first() -> None:
    playback_id = named("0123456789abcdef", HEIGHTS)

    assert playback_id == "0123456789abcdef_1080_480_240"
    assert heights_of(playback_id) == [1080, 480, 240]
    assert prefix_of("film", playback_id) == "hls/film/0123456789abcdef_1080_480_240/"


@pytest.mark.parametrize(
    ("max_height", "folder"),
    [(None, TALL), (2160, TALL), (1080, TALL), (1079, MIDDLE), (480, MIDDLE), (240, LOW), (239, LOW)],
)
def test_what_is_granted_is_the_folder_of_the_tallest_that_may_be_seen(max_height: int | None, folder: str) -> None:
    assert folder_up_to(named("0123456789abcdef", HEIGHTS), max_height) == folder


def test_each_rendition_lies_below_every_taller_one(folder: Path) -> None:
    names = [name for name, _ in files_of(folder, HEIGHTS)]

    segments = [name for name in names if name.endswith(".m4s")]
    assert segments == [f"{TALL}1080p/seg_00000.m4s", f"{MIDDLE}480p/seg_00000.m4s", f"{LOW}240p/seg_00000.m4s"]
    assert [name for name in names if name.endswith("master.m3u8")] == [
        f"{place}master.m3u8" for place in (TALL, MIDDLE, LOW)
    ]
    assert names[0] == "poster.jpg"
    assert len(names) == len(set(names)) == 1 + 3 * 3 + 3


def test_a_master_names_what_is_below_it_and_nothing_taller(folder: Path) -> None:
    written = {name: body for name, body in files_of(folder, HEIGHTS) if isinstance(body, bytes)}

    def variants(place: str) -> list[str]:
        lines = written[f"{place}master.m3u8"].decode().splitlines()
        return [line for line in lines if not line.startswith("#")]

    assert variants(TALL) == [
        f"le480/le240/240p/index.m3u8?{CARRIED}",
        f"le480/480p/index.m3u8?{CARRIED}",
        f"1080p/index.m3u8?{CARRIED}",
    ]
    assert variants(MIDDLE) == [f"le240/240p/index.m3u8?{CARRIED}", f"480p/index.m3u8?{CARRIED}"]
    assert variants(LOW) == [f"240p/index.m3u8?{CARRIED}"]
    assert b"1920x1080" not in written[f"{MIDDLE}master.m3u8"]


def test_the_playlists_carry_the_signature_along(folder: Path) -> None:
    written = {name: body for name, body in files_of(folder, HEIGHTS) if isinstance(body, bytes)}

    for name, body in written.items():
        assert body.decode().startswith(f"#EXTM3U\n#EXT-X-VERSION:11\n{DEFINED}"), name
    media = written[f"{LOW}240p/index.m3u8"].decode()
    assert f'#EXT-X-MAP:URI="init_0.mp4?{CARRIED}"\n' in media
    assert f"#EXTINF:4.0,\nseg_00000.m4s?{CARRIED}\n" in media
