"""What there is to be served of a video beside its master playlist, as what, and to whom."""

import re

from adapters.local_video import captions
from adapters.local_video.tokens import MediaPass
from adapters.transcoding.encryption import KEY
from adapters.transcoding.poster import POSTER
from adapters.transcoding.storyboard import FOLDER as STORYBOARD
from application.ports.video_platform import MediaRefused

MEDIA_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".ts": "video/mp2t",
    ".jpg": "image/jpeg",
    ".vtt": "text/vtt",
}

_PATH = re.compile(
    r"master\.m3u8|poster\.jpg|enc\.key"
    r"|(?P<height>[1-9][0-9]{1,3})p/(?:index\.m3u8|init(?:_[0-9]{1,2})?\.mp4|seg_[0-9]{5}\.(?:m4s|ts))"
    rf"|(?P<captions>{captions.PATH.pattern})"
    rf"|{STORYBOARD}/(?:index\.vtt|sheet_[0-9]{{2}}\.jpg)"
)


def is_of_captions(path: str, leave: MediaPass) -> bool:
    """Whether a path is that of a caption track, and not of a file that was made of the upload.

    Raises:
        MediaRefused: it is no path of ours, or none that the token is good for.
    """
    wanted = _PATH.fullmatch(path)
    if wanted is None:
        raise MediaRefused("no video has such a file")
    if leave.session_id is None and leave.seconds is None and path != POSTER:
        raise MediaRefused("the token is for pictures alone")
    if leave.session_id is None and (path == KEY or path.startswith(STORYBOARD)):
        raise MediaRefused("keys and storyboards, which tell of all the video, are for sessions alone")
    height = wanted["height"]
    if height and leave.max_height is not None and int(height) > leave.max_height:
        raise MediaRefused(f"the token is for heights up to {leave.max_height}")
    return wanted["captions"] is not None
