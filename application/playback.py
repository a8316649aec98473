"""Playback: may this viewer play this video now? Then a session and a signed address; else the reason."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from application.countries import EVERYWHERE, Countries
from application.errors import NotFound, NotSignedIn
from application.platforms import Platforms
from application.ports.play_sessions import Playing, PlaySession, PlaySessions, StreamLimit, StreamsTaken
from application.ports.reads import AccessReads, Scene
from application.ports.video_platform import MediaFile, MediaRefused, PlaybackGrant
from application.ports.world import Clock, Identifiers
from application.projections.access import Title
from domain.access.access import (
    Access,
    AccountBlocked,
    Part,
    PlanUpgradeRequired,
    SubscriptionRequired,
    decide,
    weigh,
)
from domain.access.limits import Limits, limits
from domain.access.standing import Standing
from domain.shared.fact import Refusal
from domain.video.video import VideoNotReady

TOKEN_LIFE_MIN = timedelta(hours=4)
TOKEN_LIFE_MAX = timedelta(hours=12)
PREVIEW_LIFE = timedelta(hours=1)


class SessionEnded(Refusal):
    """This play session is over; start another."""


class TooManyStreams(Refusal):
    """The plan's streams are all taken; `more["streams"]` says by what, and each of it may be ended."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The first seconds of a video that is not free, for whoever may not watch it: no session, and no heartbeats."""

    url: str
    token: str
    expires_at: datetime
    seconds: int


class StartedPlayback(msgspec.Struct, frozen=True, kw_only=True):
    """A play session, its signed address, and the ledger position that the answer rests on."""

    session_id: UUID
    grant: PlaybackGrant
    resume_at_seconds: float
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """Use cases of watching."""

    access: AccessReads
    sessions: PlaySessions
    platforms: Platforms
    business_time: Clock
    identifiers: Identifiers
    evicts_oldest: bool = False
    """Whether a play beyond the plan's limit of streams ends the oldest; else it is refused."""
    countries: Countries = EVERYWHERE
    preview_seconds: int = 0
    """How much of a video somebody without access gets, where it is on our own disk; 0: nothing."""

    async def start(
        self,
        account_id: UUID | None,
        video_id: UUID,
        *,
        device_id: str | None,
        sign_in_id: UUID | None = None,
        country: str | None = None,
        scene: Scene | None = None,
    ) -> StartedPlayback:
        """Decide on one read of the primary, and sign; the play ends with the sign-in that it was begun with.

        `scene` is that read, where it has been done.

        Raises:
            NotFound, VideoNotReady, NotInYourCountry, NotSignedIn, SubscriptionRequired, PlanUpgradeRequired,
            AccountBlocked, TooManyStreams.
        """
        scene = scene or await self.access.scene(account_id, video_id)
        now = self.business_time.now()
        title = _playable(scene)
        self.countries.check(country)
        allowed, giving = self._allowed(account_id, video_id, scene, title, now)
        ends_at, most = _end(allowed, title, now), limits(giving)
        session = PlaySession(
            session_id=self.identifiers.new(),
            account_id=account_id,
            video_id=video_id,
            device_id=device_id,
            sign_in_id=sign_in_id,
            started_at=now,
            ends_at=ends_at,
        )
        grant = await self.platforms.of(title.platform).grant_playback(
            title.playback_id,
            video_id=video_id,
            session_id=session.session_id,
            until=ends_at,
            max_height=most.max_height,
        )
        return StartedPlayback(
            session_id=session.session_id,
            grant=grant,
            resume_at_seconds=await self._begin(session, most),
            position=scene.position,
        )

    def _allowed(
        self, account_id: UUID | None, video_id: UUID, scene: Scene, title: Title, now: datetime
    ) -> tuple[Access, list[Part]]:
        """Whoever has no access hears why, and where it is wished how the video begins."""
        try:
            return _allowed(account_id, scene, title, now)
        except (SubscriptionRequired, PlanUpgradeRequired) as refused:
            refused.more |= self._preview(title, video_id, now)
            raise

    def _preview(self, title: Title, video_id: UUID, now: datetime) -> dict[str, Preview]:
        if not self.preview_seconds or title.platform != self.platforms.own.name:
            return {}
        grant = self.platforms.own.grant_preview(
            title.playback_id, video_id=video_id, seconds=self.preview_seconds, until=now + PREVIEW_LIFE
        )
        if grant is None:
            return {}
        preview = Preview(url=grant.url, token=grant.token, expires_at=grant.expires_at, seconds=self.preview_seconds)
        return {"preview": preview}

    async def _begin(self, session: PlaySession, most: Limits) -> float:
        if most.streams is None:
            return await self.sessions.start(session)
        try:
            return await self.sessions.start_counted(session, StreamLimit(most.streams, self.evicts_oldest))
        except StreamsTaken as taken:
            raise TooManyStreams(
                "As many devices are playing as the plan allows.", limit=most.streams, streams=taken.streams
            ) from taken

    async def heartbeat(self, account_id: UUID | None, session_id: UUID, *, position_seconds: float) -> None:
        """Raises SessionEnded."""
        now = self.business_time.now()
        if not await self._goes_on(session_id, now) or not await self.sessions.beat(
            session_id,
            account_id,
            position_seconds=position_seconds + 0.0,
            now=now,  # which makes 0.0 of -0.0
        ):
            raise SessionEnded("This play session has ended.")

    async def _goes_on(self, session_id: UUID, now: datetime) -> bool:
        """Whether the session is live and what it began with still holds: access may have been lost since."""
        playing = await self.sessions.live(session_id, now=now)
        if playing is None:
            return False
        scene = await self.access.scene(playing.account_id, playing.video_id)
        title = scene.title
        if title is None or not title.published or _signed_out(playing, scene.standing):
            return False
        return decide(scene.standing, title.requirement(), now).granted

    async def stop(self, account_id: UUID | None, session_id: UUID) -> None:
        """Raises NotFound when it is not the viewer's, or not live."""
        if not await self.sessions.end(session_id, account_id, now=self.business_time.now()):
            raise NotFound

    async def media(self, token: str, video_id: UUID, path: str) -> MediaFile:
        """A file of a video, for a token that is good for it and a play session that is live.

        Raises:
            MediaRefused.
        """
        now = self.business_time.now()
        file = self.platforms.own.open_media(token, video_id, path, now=now)
        if file.session_id is not None and not await self._goes_on(file.session_id, now):
            raise MediaRefused("the play session has ended, or what it rested on")
        if file.is_preview and not await self._is_shown(video_id):
            raise MediaRefused("there are no previews of it any more")
        return file

    async def _is_shown(self, video_id: UUID) -> bool:
        title = (await self.access.scene(None, video_id)).title
        return title is not None and title.published and self.preview_seconds > 0


def _playable(scene: Scene) -> Title:
    if scene.title is None:
        raise NotFound
    if not scene.title.published:
        raise VideoNotReady("This video is not published.")
    return scene.title


def _signed_out(playing: Playing, standing: Standing | None) -> bool:
    """Whether all sign-ins of the account were ended since this one was opened."""
    return standing is not None and playing.sign_in_epoch not in {None, standing.sign_in_epoch}


def _allowed(account_id: UUID | None, scene: Scene, title: Title, now: datetime) -> tuple[Access, list[Part]]:
    """With all that gives it."""
    answer, giving = weigh(scene.standing, title.requirement(), now)
    if answer.granted:
        return answer, giving
    if account_id is None:
        raise NotSignedIn("Sign in to watch this video.")
    more = {"access": answer, "ledger_position": scene.position}
    if answer.reason == "blocked":
        raise AccountBlocked("This account is blocked.", **more)
    if answer.reason == "feature_missing":
        raise PlanUpgradeRequired(answer.otherwise, **more)
    raise SubscriptionRequired(answer.otherwise, **more)


def _end(answer: Access, title: Title, now: datetime) -> datetime:
    """Long enough for one sitting, since players do not ask again in the middle; never beyond the access itself."""
    sitting = timedelta(seconds=title.duration_seconds * 1.5) + timedelta(minutes=30)
    life = min(max(sitting, TOKEN_LIFE_MIN), TOKEN_LIFE_MAX)
    return min(now + life, answer.until) if answer.until else now + life
