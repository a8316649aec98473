"""What the platform keeps of a deleted video is removed."""

from application.platform_work import PlatformWork
from application.policies.policy import Policy
from domain.video.facts import VideoDeleted


def when_video_deleted_remove_it(work: PlatformWork) -> Policy:
    """Queues it: a platform that cannot do it now holds up no other deletion. Queued already, it stays queued once."""

    async def act(fact: VideoDeleted) -> None:
        await work.ask(fact.video_id, "remove")

    return Policy("remove_deleted_videos", (VideoDeleted,), act)
