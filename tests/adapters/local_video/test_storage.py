"""Where work is done: a folder of one's own, while others sweep."""

# pyright: reportPrivateUsage=false

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from uuid import uuid4

from adapters.transcoding.storage import Storage


def test_whoever_sweeps_at_the_same_time_everybody_gets_a_folder_that_stays(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    over = Event()

    def sweep() -> None:
        while not over.is_set():
            storage._sweep()

    with ThreadPoolExecutor(2) as others:
        sweeps = [others.submit(sweep) for _ in range(2)]
        try:
            for _ in range(300):
                with storage._claimed_folder() as folder:
                    (folder / "piece").write_bytes(b"made")
                    (folder / "piece").rename(folder / "moved")
                    (folder / "moved").unlink()
        finally:
            over.set()
        for each in sweeps:
            each.result(10)


def test_an_upload_that_was_refused_is_removed_and_no_other(tmp_path: Path) -> None:
    storage, video_id = Storage(tmp_path), uuid4()
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"film")
        storage.keep_upload(tmp_path / name, video_id, name)

    storage.drop_upload(video_id, "one")
    storage.drop_upload(video_id, "never there")
    assert [storage.upload(video_id, name).exists() for name in ("one", "two")] == [False, True]

    storage.drop_upload(video_id, "two")
    assert not storage.upload(video_id, "two").parent.exists()
