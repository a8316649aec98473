"""Captions: checked, recorded, and shown as they are recorded by then."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from msgspec.structs import replace as changed

from application.captions import CaptionsNotSupported, NewCaptions
from application.errors import NotFound
from application.platforms import Platforms
from application.policies.captioning import when_captions_changed_show_them
from application.ports.video_platform import Reference
from domain.video.captions import CaptionTrack, LanguageInvalid
from domain.video.facts import VideoMadeReady
from domain.video.webvtt import CaptionsInvalid
from tests.application.house import BY_ADMIN, House
from tests.application.remote_studio import RemoteStudio
from tests.application.studio import MemoryStudio
from tests.application.test_videos import BREAD, NOWHERE, created

pytestmark = pytest.mark.anyio

HELLO = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
BONJOUR = HELLO.replace("Hello", "Bonjour")
ENGLISH = NewCaptions(kind="subtitles", language="EN-us", label="English", body=HELLO.encode())
FRENCH = NewCaptions(kind="subtitles", language="fr", label="Français", body=BONJOUR.encode())


async def act(house: House) -> None:
    """The policy on all facts from the first, as it does where its position was lost."""
    policy = when_captions_changed_show_them(house.platform_work)
    for fact in await house.facts():
        if isinstance(fact, policy.facts):
            await policy.act(fact)
    await house.platform_work.do_due()


async def test_what_is_recorded_is_shown_and_kept_by_its_hash(house: House) -> None:
    video_id = await created(house)

    english, _ = await house.captions.provide(video_id, ENGLISH, BY_ADMIN)
    french, _ = await house.captions.provide(video_id, FRENCH, BY_ADMIN)
    assert house.studio.captions == {}
    await act(house)

    assert (english.language, english.size_bytes) == ("en-US", len(HELLO))
    assert list(await house.captions.of(video_id)) == [english, french]
    assert house.studio.captions == {video_id: [HELLO, BONJOUR]}


async def test_replaced_and_removed_the_platform_shows_what_is_left(house: House) -> None:
    video_id = await created(house)
    for new in (ENGLISH, FRENCH, changed(ENGLISH, body=BONJOUR.encode())):
        await house.captions.provide(video_id, new, BY_ADMIN)
    await act(house)
    assert house.studio.captions == {video_id: [BONJOUR, BONJOUR]}

    for language in ("en-us", "fr"):
        await house.captions.remove(video_id, kind="subtitles", language=language, asked=BY_ADMIN)
    await act(house)

    assert house.studio.captions == {video_id: []}
    with pytest.raises(NotFound):
        await house.captions.remove(video_id, kind="subtitles", language="fr", asked=BY_ADMIN)


async def test_what_is_wrong_is_neither_kept_nor_recorded(house: House) -> None:
    video_id = await created(house)

    with pytest.raises(CaptionsInvalid):
        await house.captions.provide(video_id, changed(ENGLISH, body=b"Hello"), BY_ADMIN)
    with pytest.raises(LanguageInvalid):
        await house.captions.provide(video_id, changed(ENGLISH, language="english"), BY_ADMIN)

    assert (await house.tags(), house.studio.texts) == (["video.created"], {})


async def test_a_video_that_is_not_there_has_no_captions(house: House) -> None:
    deleted = await created(house)
    await house.captions.provide(deleted, ENGLISH, BY_ADMIN)
    await house.videos.delete(deleted, BY_ADMIN)

    for video_id in (deleted, NOWHERE):
        with pytest.raises(NotFound):
            await house.captions.of(video_id)
        with pytest.raises(NotFound):
            await house.captions.provide(video_id, FRENCH, BY_ADMIN)
        with pytest.raises(NotFound):
            await house.captions.remove(video_id, kind="subtitles", language="en-US", asked=BY_ADMIN)
    await act(house)
    assert house.studio.captions == {}


async def test_a_platform_without_captions_says_so(house: House) -> None:
    platforms = Platforms(house.studio, remote=[RemoteStudio()], new_videos="remote")
    elsewhere: UUID = (await replace(house.videos, platforms=platforms).create(BREAD, BY_ADMIN)).video_id

    with pytest.raises(CaptionsNotSupported):
        await replace(house.captions, platforms=platforms).provide(elsewhere, ENGLISH, BY_ADMIN)


async def test_made_ready_it_shows_what_had_been_provided_before(house: House) -> None:
    video_id = await created(house)
    await house.captions.provide(video_id, ENGLISH, BY_ADMIN)
    await act(house)
    house.studio.captions.clear()
    await house.uploads(video_id, b"film of bread")
    await house.videos.transcode(video_id)
    without = await created(house)
    await house.uploads(without, b"film of cake")
    await house.videos.transcode(without)

    policy = when_captions_changed_show_them(house.platform_work)
    for fact in [one for one in await house.facts() if isinstance(one, VideoMadeReady)]:
        await policy.act(fact)
    await house.platform_work.do_due()

    assert VideoMadeReady in policy.facts
    assert house.studio.captions == {video_id: [HELLO]}


class DeletingStudio(MemoryStudio):
    """While it keeps or shows captions, an admin deletes the video, and the platform forgets what it had until then."""

    house: House
    deleted = 0

    async def keep_captions(self, video_id: UUID, sha256: str, text: str) -> None:
        await self.house.videos.delete(video_id, BY_ADMIN)
        await super().keep_captions(video_id, sha256, text)

    async def show_captions(self, video_id: UUID, playback_id: str, tracks: Sequence[CaptionTrack]) -> None:
        await self.house.videos.delete(video_id, BY_ADMIN)

    async def delete(self, video: Reference) -> None:
        self.deleted += 1


async def test_what_came_to_a_video_that_was_deleted_meanwhile_is_removed(house: House) -> None:
    studio = DeletingStudio()
    studio.house = house
    captions, kept = replace(house.captions, platforms=Platforms(studio)), await created(house)
    shown = await created(house)
    await house.captions.provide(shown, ENGLISH, BY_ADMIN)

    with pytest.raises(NotFound):
        await captions.provide(kept, ENGLISH, BY_ADMIN)
    assert studio.deleted == 1
    await captions.show(shown)
    assert studio.deleted == 2
