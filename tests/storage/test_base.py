"""Which store a URL means."""

from __future__ import annotations

import pytest
from storage.stored_runs import make_run

from pytest_perfmon.errors import UsageError
from pytest_perfmon.storage.base import open_store


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (".perfmon", ".perfmon"),
        ("deep/er", "deep/er"),
        ("file:runs", "runs"),
        ("FILE:runs", "runs"),
        ("file:with%20space", "with space"),
        ("./odd:name", "odd:name"),
    ],
)
def test_paths_are_relative_to_the_root(tmp_path, url, place):
    """A plain path or a `file:` URL is a directory below the root directory."""
    assert open_store(url, tmp_path).describe() == str(tmp_path / place)


@pytest.mark.parametrize("prefix", ["", "file:", "file://", "file://localhost"])
def test_absolute_paths_stay_absolute(tmp_path, prefix):
    """An absolute path means itself, with and without a scheme."""
    assert open_store(f"{prefix}{tmp_path}/x", tmp_path / "root").describe() == f"{tmp_path}/x"


def test_opening_touches_nothing(tmp_path):
    """Opening creates no directory; the first save does."""
    store = open_store("a/b", tmp_path)
    assert list(tmp_path.iterdir()) == []
    store.save(make_run(1))
    assert (tmp_path / "a/b/default").is_dir()


@pytest.mark.parametrize("url", ["s3://bucket/x", "mysql://h/d", "postgresql://h/d"])
def test_an_unknown_scheme_names_those_there_are(tmp_path, url):
    """A URL that nothing opens is a usage error with its scheme and the known ones."""
    with pytest.raises(UsageError, match="expected a directory or one of file:") as caught:
        open_store(url, tmp_path)
    assert repr(url) in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["postgres://me:secret@h/d", "postgresql://me:sec?secret@h/d", "s3://b/x?key=secret&at=me@h"],
)
def test_an_unknown_url_is_not_shown_with_what_may_be_a_password(tmp_path, url):
    """The commonest mistake in a URL, its scheme, does not print what stands behind it."""
    with pytest.raises(UsageError, match=r":…': no store has the scheme") as caught:
        open_store(url, tmp_path)
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "  ", "file:", "a\0b", "file://elsewhere/x"])
def test_a_url_without_a_place_is_a_usage_error(tmp_path, url):
    """A URL that names no place of this machine is refused, naming the option."""
    with pytest.raises(UsageError, match="--perf-store"):
        open_store(url, tmp_path)


def test_openers_are_tried_for_unknown_schemes(tmp_path):
    """The first opener that knows the scheme gives the store; it gets the whole URL."""
    mine = open_store("x", tmp_path)
    answers = iter([None, mine, None])
    asked = []

    def opener(url):
        asked.append(url)
        return next(answers)

    assert open_store("s3://b", tmp_path, [opener] * 3) is mine
    assert asked == ["s3://b"] * 2


def test_openers_cannot_replace_what_is_built_in(tmp_path):
    """A directory stays a directory, whatever plugins offer."""
    assert open_store("file:x", tmp_path, [pytest.fail]).describe() == str(tmp_path / "x")
