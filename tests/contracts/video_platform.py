"""What every video platform promises, whoever stores the bytes; the tests of an adapter inherit it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from application.ports.video_platform import PlaybackGrant, UploadTooLarge, VideoPlatform

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

    def test_its_name_is_one_plain_word(self, case: PlatformCase) -> None:
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
        video_id = uuid4()
        urls = {
            case.platform.thumbnail_url(video_id, case.playback_id, now=NOW + timedelta(seconds=seconds))
            for seconds in range(3)
        }

        assert len(urls) == 1
        assert all(urlsplit(url).scheme in {"http", "https"} for url in urls)
