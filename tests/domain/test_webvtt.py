"""WebVTT as people have it is taken, what is none is refused by its line, and what loads something is never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.video.webvtt import CaptionsInvalid, beginning, checked

ONE_CUE = "00:01.000 --> 00:02.500\nHello\n"

FILM = """\
WEBVTT

STYLE
::cue(.yellow) { color: yellow }

REGION
id:below
width:40%

NOTE made by hand
on a Monday

1
00:00:01.000 --> 00:00:02.500 line:0 position:20% align:start region:below
<v Anna>We <i>have</i> no <c.yellow>flour</c>.</v>

two
00:02.500 --> 00:04.000
<lang fr>Pas de <b>farine</b></lang> &lt;sighs>
<00:03.000>at all

100:00:05.000 --> 100:00:06.000
Late
"""


def test_what_a_track_may_have_is_kept_as_it_is() -> None:
    assert checked(FILM.encode()) == FILM


def test_every_ending_of_lines_and_a_byte_order_mark_are_taken() -> None:
    for ending in ("\n", "\r\n", "\r"):
        assert checked(b"\xef\xbb\xbf" + FILM.replace("\n", ending).encode()) == FILM


def test_what_the_header_says_beside_its_word_is_left_out() -> None:
    body = f"WEBVTT - by Anna\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\nKind: captions\n\n\n{ONE_CUE}\n\n"

    assert checked(body.encode()) == f"WEBVTT\n\n{ONE_CUE}"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "begins with WEBVTT"),
        (b"WEBVTTX\n\n" + ONE_CUE.encode(), "begins with WEBVTT"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nSubRip\n", "begins with WEBVTT"),
        (b"WEBVTT\n\n", "no cue"),
        (b"WEBVTT\n\nNOTE nothing else\n", "no cue"),
        (f"WEBVTT\n{ONE_CUE}".encode(), "empty line"),
        (b"WEBVTT\n\n" + "00:01.000 --> 00:02.500\nGrüße\n".encode("latin-1"), "UTF-8"),
        (f"WEBVTT\n\n{ONE_CUE}\0".encode(), "Line 5: there is a control"),
        (f"WEBVTT\n\n\x1b[1m\n{ONE_CUE}".encode(), "Line 3: there is a control"),
    ],
)
def test_what_is_no_webvtt_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(CaptionsInvalid, match=why):
        checked(body)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("Hello", "Line 6: there are no times"),
        ("id\nHello", "Line 7: there are no times"),
        ("00:01,000 --> 00:02,500\nHello", "Line 6: there are no times"),
        ("00:61.000 --> 01:02.500\nHello", "Line 6: there are no times"),
        ("1:00:03.000 --> 1:00:04.000\nHello", "Line 6: there are no times"),
        ("00:03.000-->00:04.000\nHello", "Line 6: there are no times"),
        ("00:03.000 --> 00:04.000 onclick:alert\nHello", "Line 6: there are no times"),
        ("00:03.000 --> 00:03.000\nHello", "Line 6: the cue ends"),
        ("00:00.999 --> 00:04.000\nHello", "Line 6: the cue begins before"),
        ("00:03.000 --> 00:04.000\nHello\n00:04.000 --> 00:05.000", "Line 8: an empty line"),
        ("NOTE a\nb\n00:04.000 --> 00:05.000", "Line 7: there are no times"),
        ("00:03.000 --> 00:04.000\n<script>alert(1)</script>", "Line 7: there is a tag"),
        ("00:03.000 --> 00:04.000\n<img src=x onerror=alert(1)>", "Line 7: there is a tag"),
        ("00:03.000 --> 00:04.000\n<i<script>", "Line 7: there is a tag"),
        ("00:03.000 --> 00:04.000\n1 < 2", "Line 7: there is a tag"),
        ("STYLE\n::cue { color: red }", "Line 6: styles and regions come before"),
    ],
)
def test_a_block_that_cannot_be_shown_is_refused_by_its_line(block: str, why: str) -> None:
    body = f"WEBVTT\n\n{ONE_CUE}\n{block}\n".encode()

    with pytest.raises(CaptionsInvalid, match=why):
        checked(body)


@pytest.mark.parametrize(
    "style",
    [
        "@import 'https://elsewhere.example/a.css';",
        "::cue { background: url(https://elsewhere.example/a.png) }",
        "::cue { background: URL ( 'x' ) }",
        "::cue { background-image: image-set('x' 1x) }",
        "::cue { background: \\75rl(x) }",
        "</style><script>",
        "::cue --> { }",
    ],
)
def test_a_style_that_would_load_something_is_refused(style: str) -> None:
    with pytest.raises(CaptionsInvalid, match="Line 4: a style may not"):
        checked(f"WEBVTT\n\nSTYLE\n{style}\n\n{ONE_CUE}".encode())


def test_the_beginning_has_the_cues_that_begin_in_it() -> None:
    head, _, _ = FILM.partition("\ntwo\n")

    assert beginning(FILM, 2.5) == head
    assert beginning(FILM, 2.6).endswith("at all\n")
    assert beginning(FILM, 0.5).endswith("on a Monday\n")
    assert beginning(FILM, 1e9) == FILM


LINES = st.lists(
    st.sampled_from([*FILM.split("\n"), "-->", "STYLE", "\u3000", "\x85", "WEBVTT"]) | st.text(), max_size=20
)


@given(LINES)
def test_whatever_is_taken_is_taken_again_unchanged(lines: list[str]) -> None:
    try:
        text = checked("\n".join(["WEBVTT", "", *lines]).encode(errors="replace"))
    except CaptionsInvalid:
        return
    assert checked(text.encode()) == text == beginning(text, 1e9)
