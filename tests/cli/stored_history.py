"""A store with histories that were written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from storage.stored_runs import HERE, PARSE, QUERY, make_run, make_summary

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Commit, Environment, Run
from pytest_perfmon.storage.directory import DirectoryStore

WAVE = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Noise of one percent, the same each time, with a period that no block length divides."""


def steady(count: int, *, at: float = 1000.0, change: float = 1.0, since: int = 0) -> list[float]:
    """Give medians that wave by some percent, and are `change` times as high from `since` on."""
    return [
        at * (1 + WAVE[number * 3 % 7 * number % 7] / 100) * (change if number >= since else 1.0)
        for number in range(count)
    ]


def commit_of(number: int) -> str:
    """Give the commit of the run of that number."""
    return f"{number:02x}" * 20


def save_history(
    place: Path,
    medians: Mapping[Key, Sequence[float]],
    *,
    environment: Environment = HERE,
    dirty: bool = False,
    branch: str = "main",
    first: int = 0,
) -> list[Run]:
    """Save a run for each position of the medians, oldest first, and give them."""
    store = DirectoryStore(place)
    count = max(map(len, medians.values()))
    runs = []
    for number in range(count):
        results = {
            key: make_summary(values[number])
            for key, values in medians.items()
            if number < len(values)
        }
        run = replace(
            make_run(first + number, environment=environment),
            commit=Commit(commit_of(first + number), branch, dirty),
            results=results,
        )
        store.save(run)
        runs.append(run)
    return runs


__all__ = ["PARSE", "QUERY", "commit_of", "save_history", "steady"]
