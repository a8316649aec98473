"""A video has one track of each kind in each language; one more replaces the one before it."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.video.captions import TRACKS_MAX, CaptionTrack, LanguageInvalid, TooManyCaptions, canonical_language
from domain.video.facts import CaptionsProvided, CaptionsRemoved, VideoMadeReady
from domain.video.video import Video
from tests.domain.test_video import BREAD, PASTS
from tests.scenario import folded, given

ENGLISH = CaptionTrack(kind="subtitles", language="en", label="English", sha256="ab" * 32, size_bytes=100)
NEWER = replace(ENGLISH, label="English (UK)", sha256="cd" * 32)
HARD_OF_HEARING = replace(ENGLISH, kind="captions")
FRENCH = replace(ENGLISH, language="fr", label="Français")


def provided(track: CaptionTrack, video_id: UUID = BREAD) -> CaptionsProvided:
    return CaptionsProvided(
        video_id=video_id,
        kind=track.kind,
        language=track.language,
        label=track.label,
        sha256=track.sha256,
        size_bytes=track.size_bytes,
    )


removed = CaptionsRemoved(video_id=BREAD, kind="subtitles", language="en")


def test_tracks_are_given_to_a_video_in_any_state_and_each_once() -> None:
    for past in PASTS.values():
        given(Video, *past).when(lambda video: video.provide_captions(ENGLISH)).then(provided(ENGLISH))
        given(Video, *past, provided(ENGLISH)).when(lambda video: video.provide_captions(ENGLISH)).then_nothing()


def test_one_of_the_same_kind_and_language_takes_the_place_of_the_one_before() -> None:
    tracks = (ENGLISH, HARD_OF_HEARING, FRENCH)
    facts = [provided(track) for track in tracks]

    assert folded(Video, *PASTS["ready"], *facts).captions == tracks
    given(Video, *PASTS["ready"], *facts).when(lambda video: video.provide_captions(NEWER)).then(provided(NEWER))
    assert folded(Video, *PASTS["ready"], *facts, provided(NEWER)).captions == (NEWER, HARD_OF_HEARING, FRENCH)


def test_removed_it_is_gone_once_and_may_come_again() -> None:
    past = (*PASTS["ready"], provided(ENGLISH), provided(HARD_OF_HEARING))

    given(Video, *past).when(lambda video: video.remove_captions("subtitles", "en")).then(removed)
    given(Video, *past, removed).when(lambda video: video.remove_captions("subtitles", "en")).then_nothing()
    assert folded(Video, *past, removed).captions == (HARD_OF_HEARING,)
    given(Video, *past, removed).when(lambda video: video.provide_captions(ENGLISH)).then(provided(ENGLISH))


def test_made_anew_the_video_keeps_them() -> None:
    again = VideoMadeReady(video_id=BREAD, playback_id="bread-2", duration_seconds=60, renditions=())

    assert folded(Video, *PASTS["errored"], provided(ENGLISH), PASTS["ready"][1], again).captions == (ENGLISH,)


def test_there_are_not_more_than_a_viewer_can_choose_from() -> None:
    full = [provided(replace(ENGLISH, language=f"x{chr(97 + n // 26)}{chr(97 + n % 26)}")) for n in range(TRACKS_MAX)]

    given(Video, *PASTS["ready"], *full).when(lambda it: it.provide_captions(FRENCH)).then_refused(TooManyCaptions)
    given(Video, *PASTS["ready"], *full[1:], provided(ENGLISH)).when(lambda it: it.provide_captions(NEWER)).then(
        provided(NEWER)
    )


@pytest.mark.parametrize(
    ("spelt", "as_it_is"),
    [
        ("EN", "en"),
        ("pt-br", "pt-BR"),
        ("ZH-hANT-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-CH-1901", "de-CH-1901"),
        ("sl-ROZAJ", "sl-rozaj"),
    ],
)
def test_a_language_has_one_spelling(spelt: str, as_it_is: str) -> None:
    assert canonical_language(spelt) == as_it_is


@pytest.mark.parametrize(
    "given",
    ["", "e", "english", "en_US", "en-", "-en", "en--US", "en US", "en\n", "..", "\u017fk", "en-" + "abcde-" * 6 + "x"],
)
def test_what_is_no_language_is_refused(given: str) -> None:
    with pytest.raises(LanguageInvalid):
        canonical_language(given)
