"""What every video platform promises, whoever stores the bytes; the tests of an adapter inherit it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from application.ports.deliveries import SignatureInvalid
from application.ports.video_platform import (
    PlaybackGrant,
    Reference,
    RemotePlatform,
    UploadGrant,
    UploadTooLarge,
    VideoPlatform,
)
from domain.video.truth import AssetTruth

NOW = datetime(2026, 11, 21, 20, 15, tzinfo=UTC)


@dataclass(frozen=True)
class PlatformCase:
    """A platform, an id that it would give to a playback, and the largest upload that it takes (None: no limit)."""

    platform: VideoPlatform
    playback_id: str
    limit_bytes: int | None

    async def play(self, *, until: datetime, max_height: int | None = None) -> PlaybackGrant:
        return await self.platform.grant_playback(
            self.playback_id, video_id=uuid4(), session_id=uuid4(), until=until, max_height=max_height
        )


@pytest.mark.anyio
class VideoPlatformContract:
    """Inherit it, and give the fixture `case`."""

    @pytest.fixture
    def case(self) -> PlatformCase:
        raise NotImplementedError("the platform's own tests say which")

    async def test_its_name_is_one_plain_word(self, case: PlatformCase) -> None:
        assert case.platform.name.isidentifier()
        assert case.platform.name.islower()

    async def test_an_upload_goes_to_an_address_for_a_time(self, case: PlatformCase) -> None:
        grant = await case.platform.grant_upload(uuid4(), size_bytes=1000, now=NOW)

        assert urlsplit(grant.url).scheme in {"http", "https"}
        assert grant.method in {"PUT", "POST", "PATCH"}
        assert grant.expires_at > NOW

    async def test_each_video_has_an_upload_address_of_its_own(self, case: PlatformCase) -> None:
        first, second = [await case.platform.grant_upload(uuid4(), size_bytes=1000, now=NOW) for _ in range(2)]

        assert first.url != second.url

    async def test_a_size_over_the_limit_gets_no_address(self, case: PlatformCase) -> None:
        if case.limit_bytes is None:
            pytest.skip("this platform has no limit")

        await case.platform.grant_upload(uuid4(), size_bytes=case.limit_bytes, now=NOW)
        with pytest.raises(UploadTooLarge):
            await case.platform.grant_upload(uuid4(), size_bytes=case.limit_bytes + 1, now=NOW)

    async def test_a_playback_is_never_granted_beyond_the_end_of_access(self, case: PlatformCase) -> None:
        for length in (timedelta(seconds=1), timedelta(hours=3), timedelta(days=90)):
            grant = await case.play(until=NOW + length)
            assert grant.expires_at <= NOW + length

    async def test_a_playback_says_where_and_with_which_token(self, case: PlatformCase) -> None:
        grant = await case.play(until=NOW + timedelta(hours=3), max_height=480)

        assert (grant.provider, grant.playback_id) == (case.platform.name, case.playback_id)
        assert urlsplit(grant.url).scheme in {"http", "https"}
        assert urlsplit(grant.url).path.endswith(".m3u8")
        assert grant.token in grant.url

    async def test_a_thumbnail_keeps_its_address_from_one_moment_to_the_next(self, case: PlatformCase) -> None:
        """Or there is none: the platform has no address that could be shown to everybody."""
        video_id = uuid4()
        urls = {
            case.platform.thumbnail_url(video_id, case.playback_id, now=NOW + timedelta(seconds=seconds))
            for seconds in range(3)
        }

        assert len(urls) == 1
        assert all(url == "" or urlsplit(url).scheme in {"http", "https"} for url in urls)

    async def test_what_is_not_there_may_be_deleted(self, case: PlatformCase) -> None:
        unknown = Reference(uuid4(), playback_id=case.playback_id)

        await case.platform.delete(unknown)
        await case.platform.delete(unknown)


class RemoteCase(ABC):
    """A remote platform, and what happens at it without us; `playback_id` is one that it would give."""

    platform: RemotePlatform
    playback_id: str

    @abstractmethod
    async def send(self, grant: UploadGrant, *, good: bool = True) -> None:
        """The client sends a film of two seconds in 360p, or something else; it is being made ready, and stays so."""

    @abstractmethod
    async def finish(self, upload: Reference) -> None:
        """It is ready, or has failed."""

    @abstractmethod
    async def lose(self, video: Reference) -> None:
        """Somebody deletes the asset at the platform."""

    @abstractmethod
    async def notices(self) -> Sequence[tuple[bytes, Mapping[str, str]]]:
        """All that it has sent so far, once it has nothing more to send."""

    @abstractmethod
    async def plays(self, grant: PlaybackGrant) -> bool:
        """Whether the platform answers the address with a playlist, with the token seen to be good."""

    def stolen(self, grant: PlaybackGrant, playback_id: str) -> str:
        """The address of another video, with the token of this one."""
        return grant.url.replace(f"/{grant.playback_id}.", f"/{playback_id}.")

    async def upload(self, *, good: bool = True) -> Reference:
        video_id = uuid4()
        grant = await self.platform.grant_upload(video_id, size_bytes=1_000, now=NOW)
        await self.send(grant, good=good)
        return Reference(video_id, grant.upload_id)

    async def ready(self) -> tuple[Reference, AssetTruth]:
        video = await self.upload()
        await self.finish(video)
        truth = await self.platform.look(video)
        return Reference(video.video_id, video.upload_id, truth.asset_id, truth.playback_id), truth


@pytest.mark.anyio
class RemotePlatformContract(VideoPlatformContract):
    """Inherit it, and give the fixture `remote`."""

    @pytest.fixture
    def remote(self) -> RemoteCase:
        raise NotImplementedError("the platform's own tests say which")

    @pytest.fixture
    def case(self, remote: RemoteCase) -> PlatformCase:
        return PlatformCase(remote.platform, remote.playback_id, remote.platform.capabilities.upload_bytes_max)

    async def test_a_video_is_looked_at_through_its_stages(self, remote: RemoteCase) -> None:
        video_id = uuid4()
        grant = await remote.platform.grant_upload(video_id, size_bytes=1_000, now=NOW)
        video = Reference(video_id, grant.upload_id)
        stages = [await remote.platform.look(video)]
        await remote.send(grant)
        stages.append(await remote.platform.look(video))
        await remote.finish(video)
        stages.append(await remote.platform.look(video))

        assert [truth.stage for truth in stages] == ["waiting", "processing", "ready"]
        ready = stages[-1]
        assert ready.asset_id
        assert ready.playback_id
        assert stages[1].asset_id in {"", ready.asset_id}
        assert ready.duration_seconds == 2
        assert [rendition.height for rendition in ready.renditions][-1:] == [360]

    async def test_what_is_no_film_has_failed_for_a_reason(self, remote: RemoteCase) -> None:
        video = await remote.upload(good=False)
        await remote.finish(video)

        truth = await remote.platform.look(video)

        assert (truth.stage, truth.reason) == ("errored", "not_a_video")
        assert truth.detail

    async def test_its_notices_name_our_video(self, remote: RemoteCase) -> None:
        video, _ = await remote.ready()

        told = [remote.platform.verify(*notice, now=NOW) for notice in await remote.notices()]

        about = [one for one in told if one.customer_id == str(video.video_id)]
        assert about
        assert {one.provider for one in about} == {remote.platform.name}
        assert len({one.event_id for one in about}) == len(about)
        assert all(UUID(one.customer_id or "") for one in about)

    async def test_a_notice_counts_only_with_its_signature_and_in_time(self, remote: RemoteCase) -> None:
        await remote.ready()
        body, headers = (await remote.notices())[-1]

        for spoiled, given, now in [
            (body + b" ", headers, NOW),
            (body, {}, NOW),
            (body, headers, NOW + timedelta(minutes=10)),
            (body, headers, NOW - timedelta(minutes=10)),
        ]:
            with pytest.raises(SignatureInvalid):
                remote.platform.verify(spoiled, given, now=now)

    async def test_what_is_granted_is_played(self, remote: RemoteCase) -> None:
        video, truth = await remote.ready()

        for length in (timedelta(seconds=90), timedelta(hours=6)):
            grant = await remote.platform.grant_playback(
                truth.playback_id, video_id=video.video_id, session_id=uuid4(), until=NOW + length, max_height=None
            )
            assert NOW < grant.expires_at <= NOW + length
            assert await remote.plays(grant)

    async def test_a_token_is_for_one_video(self, remote: RemoteCase) -> None:
        (video, truth), (_, other) = await remote.ready(), await remote.ready()
        grant = await remote.platform.grant_playback(
            truth.playback_id,
            video_id=video.video_id,
            session_id=uuid4(),
            until=NOW + timedelta(hours=6),
            max_height=None,
        )

        stolen = remote.stolen(grant, other.playback_id)

        assert stolen != grant.url
        assert not await remote.plays(replace(grant, url=stolen))

    async def test_a_deleted_video_is_gone_and_may_be_deleted_again(self, remote: RemoteCase) -> None:
        video, truth = await remote.ready()

        for _ in range(2):
            await remote.platform.delete(video)

        assert (await remote.platform.look(video)).stage == "gone"
        grant = await remote.platform.grant_playback(
            truth.playback_id,
            video_id=video.video_id,
            session_id=uuid4(),
            until=NOW + timedelta(hours=6),
            max_height=None,
        )
        assert not await remote.plays(grant)

    async def test_an_upload_that_is_deleted_takes_nothing_any_more(self, remote: RemoteCase) -> None:
        video_id = uuid4()
        grant = await remote.platform.grant_upload(video_id, size_bytes=1_000, now=NOW)
        video = Reference(video_id, grant.upload_id)

        for _ in range(2):
            await remote.platform.delete(video)

        assert (await remote.platform.look(video)).stage == "gone"

    async def test_what_is_deleted_at_the_platform_is_gone(self, remote: RemoteCase) -> None:
        video, _ = await remote.ready()

        await remote.lose(video)

        assert (await remote.platform.look(video)).stage == "gone"

    async def test_an_upload_that_another_took_the_place_of_takes_nothing_and_leaves_nothing(
        self, remote: RemoteCase
    ) -> None:
        """One that waits for its file, one that was made into a film: the last one stays as it is."""
        made, _ = await remote.ready()
        waiting = await remote.platform.grant_upload(made.video_id, size_bytes=1_000, now=NOW)
        last = await remote.upload()
        await remote.finish(last)
        ready = await remote.platform.look(last)
        video = Reference(
            made.video_id, last.upload_id, ready.asset_id, earlier_uploads=(made.upload_id, waiting.upload_id)
        )

        for _ in range(2):
            await remote.platform.cancel_earlier_uploads(video)

        for earlier in (made.upload_id, waiting.upload_id):
            assert (await remote.platform.look(Reference(made.video_id, earlier))).stage == "gone"
        assert await remote.platform.look(video) == ready

    async def test_a_deleted_video_leaves_no_earlier_upload_and_no_earlier_asset(self, remote: RemoteCase) -> None:
        """An earlier asset alone too: the platform forgets its uploads."""
        (made, _), (other, asset) = await remote.ready(), await remote.ready()
        last = await remote.platform.grant_upload(made.video_id, size_bytes=1_000, now=NOW)

        await remote.platform.delete(
            Reference(
                made.video_id, last.upload_id, earlier_uploads=(made.upload_id,), earlier_assets=(asset.asset_id,)
            )
        )

        for left in (made, Reference(made.video_id, last.upload_id), Reference(other.video_id, "", asset.asset_id)):
            assert (await remote.platform.look(left)).stage == "gone"
