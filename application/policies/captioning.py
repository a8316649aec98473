"""The captions that a video has on the ledger are those that are shown with it."""

from application.captions import Captions
from application.policies.policy import Policy
from domain.video.facts import CaptionsProvided, CaptionsRemoved, VideoMadeReady


def when_captions_changed_show_them(captions: Captions) -> Policy:
    """Always all that there are by now, so that done late or twice it comes to the same."""

    async def act(fact: CaptionsProvided | CaptionsRemoved | VideoMadeReady) -> None:
        if isinstance(fact, VideoMadeReady):
            await captions.show_again(fact.video_id)
        else:
            await captions.show(fact.video_id)

    return Policy("show_captions", (CaptionsProvided, CaptionsRemoved, VideoMadeReady), act)
