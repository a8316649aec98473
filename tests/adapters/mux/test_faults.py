"""When Mux does not answer, answers late, or says what nobody knows yet."""

import asyncio
import socket
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from adapters.memory.clock import MemoryClock
from adapters.mux.client import MuxClient
from adapters.mux.platform import MuxVideo
from adapters.mux.refusals import refusal
from application.errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from application.ports.video_platform import Reference
from tests.adapters.mux.films import film
from tests.adapters.mux.simulated import SimulatedMux
from tests.contracts.video_platform import NOW

pytestmark = pytest.mark.anyio


async def sent(platform: MuxVideo, mux: SimulatedMux, body: bytes | None = None) -> tuple[Reference, str]:
    """A video whose file is at Mux, and the id of its asset."""
    video_id = uuid4()
    grant = await platform.grant_upload(video_id, size_bytes=None, now=NOW)
    assert mux.put(grant.url, body or film()) == 200
    asset_id = mux.has(grant.upload_id)["asset_id"]
    return Reference(video_id, grant.upload_id), str(asset_id)


@pytest.fixture
async def impatient(mux: SimulatedMux) -> AsyncIterator[MuxVideo]:
    platform = mux.platform(MemoryClock(NOW), timeout_seconds=0.2)
    yield platform
    await platform.close()


async def test_a_word_that_is_new_loses_no_answer(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, asset_id = await sent(platform, mux)
    known = await platform.look(video)
    mux.says(asset_id, video_quality="ultra", encoding_tier="quantum", max_resolution_tier="8640p", ingest_type="dream")

    assert await platform.look(video) == known
    assert known.stage == "ready"


async def test_a_stage_that_is_new_is_none_in_which_it_plays(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, asset_id = await sent(platform, mux)
    mux.says(asset_id, status="pondering")

    assert (await platform.look(video)).stage == "processing"


async def test_what_cannot_be_played_by_our_tokens_is_not_ready(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, asset_id = await sent(platform, mux)
    mux.says(asset_id, playback_ids=[{"id": "open to everybody", "policy": "public"}])

    truth = await platform.look(video)

    assert (truth.stage, truth.reason, truth.playback_id) == ("errored", "not_signed", "")


async def test_of_several_playback_ids_the_signed_one_counts(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, asset_id = await sent(platform, mux)
    ids = [{"id": "public", "policy": "public"}, {"id": "ours", "policy": "signed"}, {"id": "new", "policy": "psychic"}]
    mux.says(asset_id, playback_ids=ids)

    assert (await platform.look(video)).playback_id == "ours"


async def test_an_answer_of_another_shape_is_no_answer(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, asset_id = await sent(platform, mux)
    mux.says(asset_id, playback_ids=["just", "names"])

    with pytest.raises(ProviderUnavailable, match="cannot be read"):
        await platform.look(video)


async def test_an_error_has_a_reason_in_our_words_or_in_theirs(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, asset_id = await sent(platform, mux)
    told = []
    for errors in (
        {"type": "invalid_input", "messages": ["No video.", "Not at all."]},
        {"type": "download_failed", "messages": []},
        {"type": "A whole sentence, of which nobody can make a word."},
        None,
    ):
        mux.says(asset_id, status="errored", errors=errors)
        truth = await platform.look(video)
        told.append((truth.stage, truth.reason, truth.detail))

    silent = "Mux gives no reason."
    assert told == [
        ("errored", "not_a_video", "No video. Not at all."),
        ("errored", "download_failed", silent),
        ("errored", "platform_error", silent),
        ("errored", "platform_error", silent),
    ]


async def test_an_upload_that_was_cancelled_is_gone(mux: SimulatedMux, platform: MuxVideo) -> None:
    grant = await platform.grant_upload(uuid4(), size_bytes=None, now=NOW)
    mux.http.put(f"/video/v1/uploads/{grant.upload_id}/cancel").raise_for_status()

    assert (await platform.look(Reference(uuid4(), grant.upload_id))).stage == "gone"


async def test_what_failed_once_is_asked_again(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, _ = await sent(platform, mux)
    mux.will_fail({"kind": "error", "requests": 2})

    assert (await platform.look(video)).stage == "ready"


async def test_what_goes_on_failing_is_given_up(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, _ = await sent(platform, mux)
    mux.will_fail({"kind": "error", "requests": 3})

    with pytest.raises(ProviderUnavailable, match="status 500"):
        await platform.look(video)
    assert mux.http.get("/_sandbox/faults").json() == {"faults": []}


async def test_an_upload_is_asked_for_once(platform: MuxVideo, mux: SimulatedMux) -> None:
    mux.will_fail({"kind": "error", "path": "/uploads", "requests": 2})

    with pytest.raises(ProviderUnavailable):
        await platform.grant_upload(uuid4(), size_bytes=None, now=NOW)
    assert [fault["requests"] for fault in mux.http.get("/_sandbox/faults").json()["faults"]] == [1]


async def test_too_many_questions_are_not_asked_again(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, _ = await sent(platform, mux)
    mux.will_fail({"kind": "rate_limit", "seconds": 7, "requests": 2})

    with pytest.raises(ProviderBusy) as busy:
        await platform.look(video)

    assert busy.value.retry_after_seconds == 7
    assert len(mux.http.get("/_sandbox/faults").json()["faults"]) == 1


async def test_an_answer_that_does_not_come_is_not_waited_for(
    impatient: MuxVideo, platform: MuxVideo, mux: SimulatedMux
) -> None:
    video, _ = await sent(platform, mux)
    await impatient.look(video)
    mux.will_fail({"kind": "slow", "seconds": 1, "requests": 3})

    async with asyncio.timeout(5):
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            await impatient.look(video)


async def test_a_connection_that_is_dropped_is_made_again(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, _ = await sent(platform, mux)
    mux.will_fail({"kind": "drop", "requests": 2})

    assert (await platform.look(video)).stage == "ready"


async def test_nobody_there_is_no_answer(mux: SimulatedMux) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    platform = mux.platform(MemoryClock(NOW), api_base=nowhere)

    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await platform.look(Reference(uuid4(), "upload"))
    await platform.close()


async def test_a_token_that_mux_refuses_may_be_mended(mux: SimulatedMux) -> None:
    client = MuxClient("another", "token", api_base=mux.api_base, pauses_seconds=())

    with pytest.raises(ProviderUnavailable, match="does not accept our token"):
        await client.asset("any")
    await client.close()


async def test_many_questions_at_once_are_all_answered(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, _ = await sent(platform, mux)

    truths = await asyncio.gather(*(platform.look(video) for _ in range(10)))

    assert {truth.stage for truth in truths} == {"ready"}


async def test_what_came_of_an_upload_before_it_could_be_cancelled_is_deleted_too(
    platform: MuxVideo, mux: SimulatedMux
) -> None:
    video, asset_id = await sent(platform, mux)

    await platform.delete(video)

    assert mux.hears_of(asset_id) == 404


async def test_of_a_video_that_was_sent_twice_both_files_are_deleted(platform: MuxVideo, mux: SimulatedMux) -> None:
    first, first_asset = await sent(platform, mux)
    second, second_asset = await sent(platform, mux)

    await platform.delete(Reference(first.video_id, second.upload_id, first_asset))

    assert [mux.hears_of(first_asset), mux.hears_of(second_asset)] == [404, 404]


async def test_the_newest_upload_is_looked_at(platform: MuxVideo, mux: SimulatedMux) -> None:
    _, failed = await sent(platform, mux, b"nothing that moves, and long enough to be looked at")
    again, made = await sent(platform, mux)

    truth = await platform.look(Reference(again.video_id, again.upload_id, failed))

    assert (truth.stage, truth.asset_id) == ("ready", made)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, b'{"error":{"type":"invalid_parameters","messages":["No."]}}', ProviderRefused, "No."),
        (422, b"not JSON \xff", ProviderRefused, "no reason was given"),
        (404, None, ProviderRefused, "no reason was given"),
        (408, b"", ProviderUnavailable, "status 408"),
        (302, b"", ProviderUnavailable, "status 302"),
        (503, b"<html>", ProviderUnavailable, "status 503"),
        (None, None, ProviderUnavailable, "status None"),
    ],
)
def test_each_status_says_whether_to_come_again(
    status: int | None, body: bytes | None, kind: type[Exception], said: str
) -> None:
    trouble = refusal(status, {}, body)

    assert type(trouble) is kind
    assert said in str(trouble)


@pytest.mark.parametrize(("given", "seconds"), [("7", 7), ("86400", 300), ("soon", 5), ("", 5)])
def test_how_long_to_wait_is_bounded(given: str, seconds: int) -> None:
    trouble = refusal(429, {"retry-after": given}, b"")

    assert isinstance(trouble, ProviderBusy)
    assert trouble.retry_after_seconds == seconds


@pytest.mark.parametrize(("id", "secret"), [("", "secret"), ("id", " ")])
def test_a_client_needs_its_token(id: str, secret: str) -> None:
    with pytest.raises(ValueError, match="token of Mux"):
        MuxClient(id, secret)


async def test_our_id_is_on_all_that_is_made(platform: MuxVideo, mux: SimulatedMux) -> None:
    video, asset_id = await sent(platform, mux)

    made = mux.http.get(f"/video/v1/assets/{asset_id}").json()["data"]

    assert UUID(made["passthrough"]) == UUID(made["meta"]["external_id"]) == video.video_id
    assert [one["policy"] for one in made["playback_ids"]] == ["signed"]
