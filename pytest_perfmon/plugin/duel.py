"""A suspect of the stored runs against the commit of its baseline, interleaved, now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest

from pytest_perfmon.duet.conductor import Comparisons, Conductor
from pytest_perfmon.duet.git import Git
from pytest_perfmon.duet.launcher import LaunchError
from pytest_perfmon.duet.pairs import PairError
from pytest_perfmon.duet.sides import GitRef, Sides
from pytest_perfmon.duet.slices import LOCATION
from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.budget import Budget
from pytest_perfmon.model.verdict import Outcome, Verdict
from pytest_perfmon.plugin.against import min_effects, rules_of, sides_of, terms_of
from pytest_perfmon.plugin.options import PerfOptions, invocation_of
from pytest_perfmon.plugin.second_look import INTERRUPTED, end_after_this_test
from pytest_perfmon.verdicts.against import verdict_on


class Duels:
    """Makes duels; the trees of a commit are made once and kept until `close`.

    Args:
        config: pytest's.
        options: what the user asked.
        selected: the perf tests with their marks.
        hypotheses: how many comparisons with stored runs share alpha.
    """

    def __init__(
        self,
        config: pytest.Config,
        options: PerfOptions,
        selected: Mapping[pytest.Item, Sequence[Budget]],
        hypotheses: int,
    ) -> None:
        self._config = config
        self._options = options
        self._items = {item.nodeid: item for item in selected}
        rules = rules_of(options, min_effects(options, selected), lambda _: LOCATION)
        self._rules = replace(rules, hypotheses=hypotheses)
        self._trees = ExitStack()
        self._sides: dict[str, Sides] = {}

    def duel(self, nodeid: str, commit: str) -> Mapping[str, Verdict] | str:
        """Compare a test's working tree with that commit; gives verdicts by operation.

        A text says why there are none.
        """
        git = Git.find(self._config.rootpath)
        if not commit or git is None or git.commit(commit) is None:
            return "the commit of its baseline is not to be had here"
        item = self._items[nodeid]
        conductor: Conductor | None = None
        interrupted = False
        try:
            sides = self._sides_at(commit)
            called = invocation_of(self._config)
            terms = terms_of(called, self._options.against, sides, (item.path,))
            conductor = Conductor(terms, [nodeid], self._rules, lambda *_: None)
            comparisons = conductor.run()
        except KeyboardInterrupt:
            interrupted = True
            end_after_this_test(item.session)
            if conductor is None:
                return INTERRUPTED
            comparisons = conductor.comparisons()
        except (UsageError, LaunchError, PairError) as error:
            return str(error)
        if nodeid in comparisons.unchecked:
            return comparisons.unchecked[nodeid]
        verdicts = self._verdicts(comparisons, commit)
        if interrupted:
            return {operation: _cut_short(one) for operation, one in verdicts.items()}
        return verdicts

    def _verdicts(self, comparisons: Comparisons, commit: str) -> dict[str, Verdict]:
        label = f"interleaved with the baseline's commit {commit[:7]}"
        verdicts: dict[str, Verdict] = {}
        for key, contest in comparisons.contests.items():
            assert contest.change is not None  # noqa: S101 - the suite was closed
            verdicts[key.operation] = verdict_on(
                key,
                contest.series,
                contest.change,
                bars=contest.bars,
                bar=comparisons.bar,
                cap=self._rules.blocks,
                details=(label,),
            )
        return verdicts

    def _sides_at(self, commit: str) -> Sides:
        if commit not in self._sides:
            against = replace(self._options.against, candidate=None)
            files = tuple(dict.fromkeys(item.path for item in self._items.values()))
            base = GitRef(commit[:12], commit)
            self._sides[commit] = self._trees.enter_context(
                sides_of(self._config, against, base, files)
            )
        return self._sides[commit]

    def close(self) -> None:
        """Remove the trees."""
        self._trees.close()


def _cut_short(verdict: Verdict) -> Verdict:
    """Say of what is undecided that more blocks would have followed."""
    if verdict.outcome is not Outcome.UNDECIDED:
        return verdict
    return replace(verdict, reason=f"{INTERRUPTED}; {verdict.reason}")
