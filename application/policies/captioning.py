"""The captions that a video has on the ledger are those that are shown with it."""

from application.platform_work import PlatformWork
from application.policies.policy import Policy
from domain.video.facts import CaptionsProvided, CaptionsRemoved, VideoMadeReady


def when_captions_changed_show_them(work: PlatformWork) -> Policy:
    """Queues it. Always all that there are by then are shown, so that done late or twice it comes to the same."""

    async def act(fact: CaptionsProvided | CaptionsRemoved | VideoMadeReady) -> None:
        if not isinstance(fact, VideoMadeReady) or await work.captions.has_any(fact.video_id):
            await work.ask(fact.video_id, "show_captions")

    return Policy("show_captions", (CaptionsProvided, CaptionsRemoved, VideoMadeReady), act)
