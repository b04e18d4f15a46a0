"""Which stored run a word on the command line means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pytest_perfmon.cli.output import Output
from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.run import Run
from pytest_perfmon.storage.base import RunStore

WORDS: Final = (
    "latest, latest~1 (the one before), an id or a commit, of which the first four characters do"
)
_LATEST: Final = re.compile(r"latest(?:~([0-9]{1,9}))?")
_PREFIX: Final = re.compile(r"[0-9a-f]{4,64}")
_ID_LENGTH: Final = 12
SHORT_COMMIT: Final = 10
_FEW: Final = 3


class _Wanted:
    """One word, and what was found for it so far, newest first."""

    def __init__(self, word: str) -> None:
        latest, prefix = _LATEST.fullmatch(word), _PREFIX.fullmatch(word.lower())
        if not latest and not prefix:
            raise UsageError(f"RUN is {word!r}: expected {WORDS}")
        self.word = word
        self._back = int(latest[1] or 0) if latest else -1
        self._prefix = word.lower() if not latest else None
        self._by_id: list[Run] = []
        self._by_commit: dict[str, Run] = {}

    def look_at(self, position: int, run: Run) -> None:
        if self._prefix is None:
            if position == self._back:
                self._by_id.append(run)
        elif run.id.startswith(self._prefix):
            self._by_id.append(run)
        elif run.commit.id.startswith(self._prefix):
            self._by_commit.setdefault(run.commit.id, run)

    @property
    def settled(self) -> bool:
        """Whether no older run can matter."""
        whole = self._prefix is None or len(self._prefix) == _ID_LENGTH
        return whole and bool(self._by_id)

    def run(self, where: str) -> Run:
        ids = {run.id: run for run in self._by_id}
        found = ids if self._prefix in ids else {**self._by_commit, **ids}
        if len(found) > 1:
            few = ", ".join([*found][:_FEW])
            raise UsageError(f"RUN is {self.word!r}: several runs begin so, among them {few}")
        for run in found.values():
            return run
        raise UsageError(f"RUN is {self.word!r}: {where} has no such run")


def find_runs(store: RunStore, name: str, words: Sequence[str], out: Output) -> list[Run]:
    """Find the run that each word means; a commit means its newest run.

    Raises:
        UsageError: a word that means no run, or several.
    """
    wanted = [_Wanted(word) for word in words]
    for position, run in enumerate(read_runs(store, name, out)):
        for one in wanted:
            one.look_at(position, run)
        if all(one.settled for one in wanted):
            break
    where = f"the baseline {name!r} in {store.describe()}"
    return [one.run(where) for one in wanted]


def read_runs(store: RunStore, name: str, out: Output) -> Iterator[Run]:
    """Give the runs of a baseline, newest first, and show how far reading has come."""
    for number, run in enumerate(store.runs(name, on_damaged=out.warn), start=1):
        out.progress(f"read {number:,} runs of {store.describe()}")
        yield run


def one_line(run: Run) -> str:
    """Name a run by its id, time and commit."""
    commit = run.commit.id[:SHORT_COMMIT] or "no commit"
    dirty = " with changes" if run.commit.dirty else ""
    branch = f" on {run.commit.branch}" if run.commit.branch else ""
    return f"{run.id}  {run.time[:19]}Z  {commit}{dirty}{branch}"
