"""The stores that keep the store's promises, each opened at a fresh place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from storage.postgres_server import postgres  # noqa: F401 - a fixture

from pytest_perfmon.storage.base import RunStore, open_store

URLS: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "directory": lambda _, place: str(place / "runs"),
    "sqlite": lambda _, place: f"sqlite:///{place / 'runs.db'}",
    "postgresql": lambda request, _: request.getfixturevalue("postgres").fresh_url(),
}
"""By kind: what gives the URL of a place at which nothing was saved yet."""


@pytest.fixture(params=list(URLS))
def fresh_store(request: pytest.FixtureRequest, tmp_path_factory) -> Callable[[], RunStore]:
    """Open a store of this kind, each time at a place that nothing was saved to yet."""

    def fresh() -> RunStore:
        place = tmp_path_factory.mktemp("store")
        return open_store(URLS[request.param](request, place), place)

    return fresh


@pytest.fixture
def store(fresh_store: Callable[[], RunStore]) -> RunStore:
    """Open one such store."""
    return fresh_store()
