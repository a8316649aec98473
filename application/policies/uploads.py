"""Of a video's uploads the last counts; those before it are cancelled at the platform."""

from application.platform_work import PlatformWork
from application.policies.policy import Policy
from domain.video.facts import UploadGranted


def when_upload_granted_cancel_the_earlier(work: PlatformWork) -> Policy:
    """Queues it; queued already, it stays queued once."""

    async def act(fact: UploadGranted) -> None:
        if await work.earlier_uploads.has_any(fact.video_id):
            await work.ask(fact.video_id, "cancel_uploads")

    return Policy("cancel_earlier_uploads", (UploadGranted,), act)
