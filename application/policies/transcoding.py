"""An upload that has been received is transcoded."""

from application.policies.policy import Policy
from application.ports.jobs import TranscodeJobs
from domain.video.facts import UploadReceived


def when_upload_received_transcode(jobs: TranscodeJobs) -> Policy:
    """Queues the video; queued already, it stays queued once."""

    async def act(fact: UploadReceived) -> None:
        await jobs.defer(fact.video_id)

    return Policy("transcode_uploads", (UploadReceived,), act)
