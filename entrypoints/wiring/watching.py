"""Videos, their uploads, and who plays them."""

from dataclasses import dataclass

from adapters.postgres.play_sessions import PostgresPlaySessions
from application.captions import Captions
from application.countries import Countries
from application.earlier_uploads import EarlierUploads
from application.following_videos import FollowingVideos
from application.platform_work import PlatformWork
from application.playback import Playback
from application.resumable_uploads import ResumableUploads
from application.videos import Videos
from entrypoints.settings import Settings, listed
from entrypoints.wiring.foundation import Foundation
from entrypoints.wiring.platforms import upload_notices
from entrypoints.wiring.ports import Ports


@dataclass(frozen=True, kw_only=True)
class Watching:
    """The use cases of videos."""

    captions: Captions
    following_videos: FollowingVideos
    platform_work: PlatformWork
    playback: Playback
    resumable_uploads: ResumableUploads
    videos: Videos


def watching(settings: Settings, base: Foundation, ports: Ports) -> Watching:
    videos, captions = _videos(base, ports), Captions(records=base.records, platforms=ports.platforms)
    return Watching(
        captions=captions,
        following_videos=_following_videos(settings, base, ports, videos),
        platform_work=PlatformWork(
            records=base.records,
            tasks=ports.platform_tasks,
            videos=videos,
            captions=captions,
            earlier_uploads=EarlierUploads(records=base.records, platforms=ports.platforms),
        ),
        playback=_playback(settings, base, ports),
        resumable_uploads=_resumable_uploads(base, ports),
        videos=videos,
    )


def _playback(settings: Settings, base: Foundation, ports: Ports) -> Playback:
    return Playback(
        access=ports.access,
        sessions=PostgresPlaySessions(base.lookups),
        platforms=ports.platforms,
        business_time=base.business_time,
        identifiers=base.records.identifiers,
        evicts_oldest=settings.stream_limit_policy == "evict_oldest",
        preview_seconds=settings.preview_seconds,
        countries=Countries(
            allowed=frozenset(listed(settings.countries_allowed)),
            refused=frozenset(listed(settings.countries_refused)),
        ),
    )


def _following_videos(settings: Settings, base: Foundation, ports: Ports, videos: Videos) -> FollowingVideos:
    return FollowingVideos(
        records=base.records,
        platforms=ports.platforms,
        videos=videos,
        inbox=ports.inbox,
        reads=ports.catalogue,
        business_time=base.business_time,
        notices=upload_notices(settings),
    )


def _videos(base: Foundation, ports: Ports) -> Videos:
    return Videos(
        records=base.records,
        platforms=ports.platforms,
        reads=ports.catalogue,
        jobs=ports.jobs,
        business_time=base.business_time,
        identifiers=base.records.identifiers,
    )


def _resumable_uploads(base: Foundation, ports: Ports) -> ResumableUploads:
    return ResumableUploads(records=base.records, platforms=ports.platforms, business_time=base.business_time)
