"""The caption tracks of a video: each a text that is read along with it, in one language."""

import re
from collections.abc import Sequence

import msgspec

from domain.shared.fact import Refusal
from domain.video.facts import CaptionKind, CaptionsProvided

TRACKS_MAX = 50

# RFC 5646, section 2.1, without what players do not know: extended languages, extensions and private use.
_LANGUAGE = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.IGNORECASE | re.ASCII,
)
_LANGUAGE_LENGTH_MAX = 35


class LanguageInvalid(Refusal):
    """The language is none by BCP 47, such as `en` or `pt-BR`."""


class TooManyCaptions(Refusal):
    """The video has as many caption tracks as it may have."""


class CaptionTrack(msgspec.Struct, frozen=True, kw_only=True):
    """One text of a video; there is one of each kind in each language.

    `label` is what a viewer picks it by; `sha256` is that of the text as it is kept, in UTF-8, `size_bytes` its length.
    """

    kind: CaptionKind
    language: str
    label: str
    sha256: str
    size_bytes: int

    def is_of(self, kind: str, language: str) -> bool:
        return (self.kind, self.language) == (kind, language)


def canonical_language(given: str) -> str:
    """Spelt as BCP 47 recommends: `pt-BR`, `zh-Hant`. Raises LanguageInvalid."""
    found = _LANGUAGE.fullmatch(given) if len(given) <= _LANGUAGE_LENGTH_MAX else None
    if found is None:
        raise LanguageInvalid("The language has to be a tag by BCP 47, such as en, pt-BR or zh-Hant.")
    script, region = (found["script"] or "").title(), (found["region"] or "").upper()
    tags = [found["language"].lower(), script, region, found["variants"].lower().removeprefix("-")]
    return "-".join(tag for tag in tags if tag)


def with_track(tracks: Sequence[CaptionTrack], provided: CaptionsProvided) -> tuple[CaptionTrack, ...]:
    """In its place where there was one before it, else the last."""
    track = CaptionTrack(
        kind=provided.kind,
        language=provided.language,
        label=provided.label,
        sha256=provided.sha256,
        size_bytes=provided.size_bytes,
    )
    if track_of(tracks, track.kind, track.language) is None:
        return (*tracks, track)
    return tuple(track if one.is_of(track.kind, track.language) else one for one in tracks)


def without_track(tracks: Sequence[CaptionTrack], kind: str, language: str) -> tuple[CaptionTrack, ...]:
    return tuple(one for one in tracks if not one.is_of(kind, language))


def track_of(tracks: Sequence[CaptionTrack], kind: str, language: str) -> CaptionTrack | None:
    return next((one for one in tracks if one.is_of(kind, language)), None)
