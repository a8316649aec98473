"""The access read model: who may watch, and what there is to be watched. Written inside the append."""

from uuid import UUID

from msgspec.structs import replace

from application.projections.projection import Projection, Row
from domain.access.access import Requirement
from domain.access.standing import STANDING_FACTS, Standing, follow
from domain.shared.fact import AccountFact
from domain.video.facts import (
    VideoCreated,
    VideoDeleted,
    VideoDescribed,
    VideoMadeReady,
    VideoPublished,
    VideoUnpublished,
)


class AccountStanding(Row, frozen=True):
    """One account."""

    account_id: UUID
    standing: Standing


class Title(Row, frozen=True):
    """One video, as far as playing it goes."""

    video_id: UUID
    free: bool
    requires: str | None
    platform: str
    published: bool = False
    playback_id: str = ""
    duration_seconds: float = 0.0

    def requirement(self) -> Requirement:
        """What it asks of its viewer."""
        return Requirement(free=self.free, feature=self.requires)


access = Projection("access", version=8, inline=True, standings=AccountStanding, titles=Title)


@access.fold(*STANDING_FACTS, into=AccountStanding, key="account_id")
def followed(row: AccountStanding | None, fact: AccountFact) -> AccountStanding | None:
    standing = follow(row.standing if row else None, fact)
    return AccountStanding(fact.account_id, standing) if standing else row


@access.fold(VideoCreated, into=Title, key="video_id")
def created(_: Title | None, fact: VideoCreated) -> Title:
    return Title(fact.video_id, fact.access == "free", fact.requires, fact.platform)


@access.fold(VideoDescribed, into=Title, key="video_id")
def described(title: Title | None, fact: VideoDescribed) -> Title | None:
    return title and replace(title, free=fact.access == "free", requires=fact.requires)


@access.fold(VideoMadeReady, into=Title, key="video_id")
def made_ready(title: Title | None, fact: VideoMadeReady) -> Title | None:
    return title and replace(title, playback_id=fact.playback_id, duration_seconds=fact.duration_seconds)


@access.fold(VideoPublished, into=Title, key="video_id")
def published(title: Title | None, _: VideoPublished) -> Title | None:
    return title and replace(title, published=True)


@access.fold(VideoUnpublished, into=Title, key="video_id")
def unpublished(title: Title | None, _: VideoUnpublished) -> Title | None:
    return title and replace(title, published=False)


@access.fold(VideoDeleted, into=Title, key="video_id")
def deleted(_: Title | None, __: VideoDeleted) -> None:
    return None
