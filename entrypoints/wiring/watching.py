"""Videos, and who plays them."""

from adapters.postgres.play_sessions import PostgresPlaySessions
from application.playback import Playback
from application.videos import Videos
from entrypoints.wiring.foundation import Foundation
from entrypoints.wiring.ports import Ports


def playback(base: Foundation, ports: Ports) -> Playback:
    return Playback(
        access=ports.access,
        sessions=PostgresPlaySessions(base.pool),
        platform=ports.platform,
        business_time=base.business_time,
        identifiers=base.records.identifiers,
    )


def videos(base: Foundation, ports: Ports) -> Videos:
    return Videos(
        records=base.records,
        platform=ports.platform,
        reads=ports.catalogue,
        jobs=ports.jobs,
        business_time=base.business_time,
        identifiers=base.records.identifiers,
    )
