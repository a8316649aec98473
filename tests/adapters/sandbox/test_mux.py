"""The simulated Mux: what it takes, what it tells of it and again after a restart, and whom it lets play."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import msgspec
import pytest

from adapters.memory.clock import MemoryClock
from adapters.mux.tokens import Tokens
from tests.adapters.mux.films import NO_FILM, box, film
from tests.adapters.mux.simulated import WEBHOOK_SECRET, SimulatedMux, private_key, simulated_mux
from tests.contracts.video_platform import NOW

ENDS = int(NOW.timestamp()) + 60


@pytest.fixture(scope="module")
def mux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedMux]:
    with simulated_mux(tmp_path_factory.mktemp("mux"), lambda: NOW) as mux:
        yield mux


def new_upload(mux: SimulatedMux, **given: Any) -> dict[str, Any]:
    body = {"new_asset_settings": {"passthrough": "onions", "playback_policies": ["signed"]}, **given}
    made = mux.http.post("/video/v1/uploads", json=body)
    assert made.status_code == 201, made.text
    return dict[str, Any](made.json()["data"])


def asset_of(mux: SimulatedMux, body: bytes) -> dict[str, Any]:
    upload = new_upload(mux)
    assert mux.put(upload["url"], body) == 200
    asset_id = mux.has(upload["id"])["asset_id"]
    return dict[str, Any](mux.http.get(f"/video/v1/assets/{asset_id}").json()["data"])


@pytest.mark.parametrize(
    "body",
    [
        NO_FILM,
        b"",
        box(b"ftyp", b"isom"),
        box(b"moov", b""),
        film()[:-2_000],
        film(height=0),
        box(b"moov", box(b"mvhd", bytes(4))),
        film().replace(b"mvhd", b"xxxx"),
        b"\0\0\0\1moov",
        b"\0\0\0\4moov" + bytes(50),
    ],
)
def test_what_has_no_pictures_ends_in_an_error(mux: SimulatedMux, body: bytes) -> None:
    made = asset_of(mux, body)

    assert (made["status"], made["errors"]["type"], "duration" in made) == ("errored", "invalid_input", False)


def test_a_film_is_as_long_and_as_tall_as_it_says(mux: SimulatedMux) -> None:
    made = asset_of(mux, film(seconds=90, width=1920, height=1080))

    assert (made["status"], made["duration"], made["max_stored_resolution"]) == ("ready", 90, "FHD")
    assert made["tracks"][0]["max_height"] == 1080


def test_an_address_takes_one_file(mux: SimulatedMux) -> None:
    upload = new_upload(mux)

    assert mux.put(upload["url"][:-1] + "!", film()) == 403
    assert [mux.put(upload["url"], film()) for _ in range(2)] == [200, 403]
    assert mux.http.put(f"/video/v1/uploads/{upload['id']}/cancel").status_code == 400


def test_an_upload_waits_for_its_time_only(tmp_path: Path) -> None:
    clock = MemoryClock(NOW)
    with simulated_mux(tmp_path, clock.now) as mux:
        upload = new_upload(mux, timeout=60)
        clock.pass_by(timedelta(minutes=1))

        assert mux.has(upload["id"])["status"] == "timed_out"
        assert mux.put(upload["url"], film()) == 403


def test_it_tells_of_each_step_signed_and_again_after_a_restart(tmp_path: Path) -> None:
    with simulated_mux(tmp_path, lambda: NOW) as mux:
        mux.delivers(hold=True)
        made = asset_of(mux, film())
        assert mux.heard == []
    with simulated_mux(tmp_path, lambda: NOW) as mux:
        assert mux.http.get(f"/video/v1/assets/{made['id']}").json()["data"] == made
        mux.delivers(parallel=1)
        mux.told()
        heard = [msgspec.json.decode(body) for body, _ in mux.heard]
        signatures = [headers["mux-signature"] for _, headers in mux.heard]

    types = ["video.upload.created", "video.upload.asset_created", "video.asset.created", "video.asset.ready"]
    assert [event["type"] for event in heard] == types
    assert heard[-1]["data"] == made
    assert [event["object"]["type"] for event in heard] == ["upload", "upload", "asset", "asset"]
    assert all(one.startswith(f"t={NOW.timestamp():.0f},v1=") for one in signatures)
    assert len(set(signatures)) == 4
    assert WEBHOOK_SECRET not in str(mux.heard)


def test_only_who_has_the_token_of_the_account_may_ask(mux: SimulatedMux) -> None:
    for auth in (None, ("simulated", "wrong"), ("", "")):
        refused = httpx.get(f"{mux.api_base}/video/v1/assets", auth=auth)
        assert (refused.status_code, refused.json()["error"]["messages"]) == (401, ["Unauthorized request"])


def test_what_there_is_not_is_said_in_its_shape(mux: SimulatedMux) -> None:
    for path in ("/video/v1/assets/none", "/video/v1/uploads/none", "/video/v1/live-streams", "/nothing"):
        refused = mux.http.get(path)
        assert refused.status_code == 404, path
        assert [*refused.json()["error"]] == ["type", "messages"]
    assert mux.http.post("/_sandbox/deliveries/none/send").status_code == 404
    assert mux.http.put("/_sandbox/faults", json={"faults": [{"kind": "drop", "after": True}]}).status_code == 400


def test_who_has_a_good_token_gets_the_playlists_up_to_its_height(mux: SimulatedMux) -> None:
    playback_id = asset_of(mux, film(width=1280, height=720))["playback_ids"][0]["id"]
    token = Tokens("simulated", private_key()).sign(playback_id, "v", ends_at=ENDS, claims={"max_resolution": "480p"})

    master = mux.http.get(f"/stream/{playback_id}.m3u8", params={"token": token})

    heights = [line.rpartition("x")[2] for line in master.text.splitlines() if "RESOLUTION" in line]
    assert heights == ["480", "360", "270"]
    rendition = next(line for line in master.text.splitlines() if "/480.m3u8" in line)
    playlist = mux.http.get(f"/stream/{rendition}")
    assert (playlist.status_code, "#EXTINF:2.000," in playlist.text) == (200, True)


def test_who_has_another_token_gets_nothing(mux: SimulatedMux) -> None:
    playback_id = asset_of(mux, film())["playback_ids"][0]["id"]
    ours = Tokens("simulated", private_key())
    good = ours.sign(playback_id, "v", ends_at=ENDS, claims={})
    bad = [
        {},
        {"token": ""},
        {"token": good, "max_resolution": "2160p"},
        {"token": good[:-8] + "AAAAAAAA"},
        {"token": ours.sign(playback_id, "t", ends_at=ENDS, claims={})},
        {"token": ours.sign("another", "v", ends_at=ENDS, claims={})},
        {"token": ours.sign(playback_id, "v", ends_at=int(NOW.timestamp()), claims={})},
        {"token": Tokens("another key", private_key()).sign(playback_id, "v", ends_at=ENDS, claims={})},
        {"token": jwt.encode({"sub": playback_id, "aud": "v", "exp": ENDS}, base64.b64decode(private_key())[:64])},
    ]

    assert mux.http.get(f"/stream/{playback_id}.m3u8", params={"token": good}).status_code == 200
    assert [mux.http.get(f"/stream/{playback_id}.m3u8", params=params).status_code for params in bad] == [403] * len(
        bad
    )
    assert mux.http.get(f"/image/{playback_id}/thumbnail.jpg", params={"token": good}).status_code == 403
