"""The video platforms that are set up; each video stays with the one that it was created on."""

from collections.abc import Mapping, Sequence

from application.errors import NotFound, Unavailable
from application.ports.captions import CaptionedPlatform
from application.ports.video_platform import (
    OwnPlatform,
    PartedPlatform,
    RemotePlatform,
    VideoPlatform,
    WorkedPlatform,
)


class PlatformNotSetUp(Unavailable):
    """The video is on a platform that this installation has no settings for, any more."""


class Platforms:
    """By name; `new_videos` says where videos are made now, by default on our own disk."""

    def __init__(
        self,
        own: OwnPlatform,
        *,
        parted: Sequence[PartedPlatform] = (),
        remote: Sequence[RemotePlatform] = (),
        new_videos: str = "",
    ) -> None:
        """Raises ValueError where new videos are to be on a platform that is not there."""
        self.own = own
        self._worked: Mapping[str, WorkedPlatform] = {one.name: one for one in (own, *parted)}
        self._parted: Mapping[str, PartedPlatform] = {one.name: one for one in parted}
        self._captioned: Mapping[str, CaptionedPlatform] = {own.name: own, **{one.name: one for one in parted}}
        self._remote: Mapping[str, RemotePlatform] = {one.name: one for one in remote}
        self._all: Mapping[str, VideoPlatform] = {**self._worked, **self._remote}
        if (new_videos or own.name) not in self._all:
            raise ValueError(f"VIDEO_PLATFORM is {new_videos}, and there are no settings for it")
        self.of_new_videos = self._all[new_videos or own.name]

    @property
    def remote_names(self) -> Sequence[str]:
        return list(self._remote)

    @property
    def parted_names(self) -> Sequence[str]:
        return list(self._parted)

    def of(self, name: str) -> VideoPlatform:
        """Raises PlatformNotSetUp."""
        found = self._all.get(name)
        if found is None:
            raise PlatformNotSetUp(f"The platform {name} is not set up here.")
        return found

    def worked(self, name: str) -> WorkedPlatform | None:
        """None where the platform makes its videos ready by itself. Raises PlatformNotSetUp."""
        self.of(name)
        return self._worked.get(name)

    def parted(self, name: str) -> PartedPlatform:
        """Raises NotFound where uploads do not come in parts; PlatformNotSetUp."""
        self.of(name)
        if name not in self._parted:
            raise NotFound
        return self._parted[name]

    def captioned(self, name: str) -> CaptionedPlatform | None:
        """None where the platform shows no captions of ours. Raises PlatformNotSetUp."""
        self.of(name)
        return self._captioned.get(name)

    def remote(self, name: str) -> RemotePlatform:
        """Raises NotFound where the platform is none that tells of anything, or is not set up."""
        if name not in self._remote:
            raise NotFound
        return self._remote[name]
