"""URLs of databases: a password that was not escaped is refused, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_perfmon.errors import UsageError
from pytest_perfmon.storage.base import open_store

pytest.importorskip("sqlalchemy")
pytest.importorskip("psycopg")


@pytest.mark.parametrize("secret", ["hush@mine", "hush/mine@too", "hu@sh/mine"])
def test_a_password_with_reserved_characters_is_refused_unshown(tmp_path, secret):
    """It would be read as part of a host or database; the message says how to write it."""
    with pytest.raises(UsageError, match="%40 for @") as refused:
        open_store(f"postgresql+psycopg://user:{secret}@host/runs", tmp_path)
    assert "mine" not in str(refused.value)


def test_a_file_may_have_an_at_sign_in_its_name(tmp_path):
    """SQLite's URLs carry no password."""
    assert open_store("sqlite:///a@b.db", Path(tmp_path)) is not None
