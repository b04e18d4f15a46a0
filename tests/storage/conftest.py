"""The stores that keep the store's promises, each opened at a fresh place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_perfmon.storage.base import RunStore, open_store

URLS: dict[str, Callable[[Path], str]] = {"directory": lambda place: str(place / "runs")}


@pytest.fixture(params=list(URLS))
def fresh_store(request: pytest.FixtureRequest, tmp_path_factory) -> Callable[[], RunStore]:
    """Open a store of this kind, each time at a place that nothing was saved to yet."""

    def fresh() -> RunStore:
        place = tmp_path_factory.mktemp("store")
        return open_store(URLS[request.param](place), place)

    return fresh


@pytest.fixture
def store(fresh_store: Callable[[], RunStore]) -> RunStore:
    """Open one such store."""
    return fresh_store()
