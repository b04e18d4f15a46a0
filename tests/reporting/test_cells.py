"""Text by terminal cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.reporting.cells import cells, clean, head, shorten, wrap

printable = st.text().map(clean)
mixed = st.text("ab 日本語e\u0301👩…\u0300", max_size=60)


def test_printable_text_stays_as_it_is():
    """What a terminal prints is not touched."""
    assert clean("naïve 日本語 👩 µs") == "naïve 日本語 👩 µs"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("left\u202eright", "left\\u202eright"),
        ("\ud800", "\\ud800"),
        ("a\u00a0b", "a\\xa0b"),
    ],
)
def test_what_a_terminal_acts_on_is_escaped(raw, shown):
    """Control and format characters, exotic spaces and surrogates become visible escapes."""
    assert clean(raw) == shown


@given(st.text())
def test_cleaned_text_is_printable_and_stays_when_cleaned_again(text):
    """Cleaning is complete after one pass."""
    assert clean(text).isprintable()
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("👩", 2), ("∞", 1), ("", 0)]
)
def test_cells_are_those_of_a_terminal(text, expected):
    """Wide characters count 2, combining ones 0."""
    assert cells(text) == expected


def test_shortening_keeps_both_ends():
    """The ellipsis stands in the middle."""
    assert shorten("test_checkout[big-order]", 13) == "test_c…order]"


def test_shortening_never_splits_a_base_from_its_accent():
    """A combining character does not lead the kept end."""
    assert shorten("abcdefghe\u0301", 4) == "ab…e\u0301"
    assert shorten("abcdefghe\u0301z", 3) == "a…z"


@given(mixed, st.integers(0, 50))
def test_shortened_text_fits_and_is_unchanged_where_it_fitted(text, limit):
    """Never wider than asked, never changed without need."""
    shortened = shorten(text, limit)
    assert cells(shortened) <= limit
    assert (shortened == text) == (cells(text) <= limit)


@given(mixed, st.integers(0, 50))
def test_head_is_the_longest_beginning_that_fits(text, limit):
    """One more character would not fit."""
    kept = head(text, limit)
    assert text.startswith(kept)
    assert cells(kept) <= limit
    assert kept == text or cells(text[: len(kept) + 1]) > limit


@given(mixed | printable, st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_nothing(text, limit):
    """All characters but spaces are there, in order, on lines that fit."""
    lines = wrap(text, limit)
    assert lines
    assert all(cells(line) <= limit for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(text.split())


def test_wrapping_breaks_at_spaces_and_cuts_only_long_words():
    """Words stay whole where they can."""
    assert wrap("one two abcdefghij x", 7) == ["one two", "abcdefg", "hij x"]
