"""What the platform keeps of a deleted video is removed."""

from application.policies.policy import Policy
from application.videos import Videos
from domain.video.facts import VideoDeleted


def when_video_deleted_remove_it(videos: Videos) -> Policy:
    """Tried again until the platform has done it; done twice, it happens once."""

    async def act(fact: VideoDeleted) -> None:
        await videos.remove_from_platform(fact.video_id)

    return Policy("remove_deleted_videos", (VideoDeleted,), act)
