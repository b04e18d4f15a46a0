"""One error rate for a whole suite: what may be claimed when many things are tested at once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Holm(Generic[Name]):
    """Holm's step-down test on e-values: P(any false rejection) <= alpha, at every moment.

    Valid under any dependence between the hypotheses and at any stopping time, for e-values that
    are e-processes in one common history (Vovk and Wang 2021; Ville's inequality). A hypothesis
    counts by its largest e-value so far; a rejection is final.

    Attributes:
        hypotheses: how many were planned before the first look, whatever became of them.
        alpha: the chance of one false rejection or more, in all of them together.
        rejected: the names, in the order of their rejection.
    """

    def __init__(self, hypotheses: int, alpha: float) -> None:
        if hypotheses < 1:
            raise ValueError(f"hypotheses is {hypotheses!r}: expected one or more")
        if not 0 < alpha < 1:
            raise ValueError(f"alpha is {alpha!r}: expected a probability between 0 and 1")
        self.hypotheses = hypotheses
        self.alpha = alpha
        self.rejected: list[Name] = []
        self._standing: dict[Name, float] = {}

    @property
    def bar(self) -> float:
        """The e-value that the next rejection needs, `inf` where all are rejected."""
        return self._bar(len(self.rejected))

    def reachable_bar(self, other_live: int) -> float:
        """The lowest that the bar can fall to for one hypothesis while `other_live` go on.

        What cannot reach this need not be measured any further.
        """
        return self._bar(min(len(self.rejected) + other_live, self.hypotheses - 1))

    def update(self, e_values: Mapping[Name, float]) -> tuple[Name, ...]:
        """Take the e-values known now and give the names that become rejected by them.

        Names may come and go; a name that is not given keeps its largest value.

        Raises:
            ValueError: for more names than hypotheses, and for what is not an e-value.
        """
        for name, e_value in e_values.items():
            if not e_value >= 0:
                raise ValueError(f"e-value of {name!r} is {e_value!r}: expected zero or more")
            if name not in self.rejected:
                self._standing[name] = max(e_value, self._standing.get(name, 0.0))
        if len(self.rejected) + len(self._standing) > self.hypotheses:
            raise ValueError(
                f"{len(self.rejected) + len(self._standing)} names for"
                f" {self.hypotheses} hypotheses: all have to be planned before the first look"
            )
        before = len(self.rejected)
        while self._standing:
            strongest = max(self._standing, key=self._standing.__getitem__)
            if self._standing[strongest] < self.bar:
                break
            del self._standing[strongest]
            self.rejected.append(strongest)
        return tuple(self.rejected[before:])

    def _bar(self, settled: int) -> float:
        left = self.hypotheses - settled
        return left / self.alpha if left else math.inf


def worth_a_look(
    e_values: Mapping[Name, float], hypotheses: int, rate: float = 0.10
) -> tuple[Name, ...]:
    """Name the hypotheses among which at most a share `rate` is expected to be false: e-BH.

    The k largest, for the largest k whose k-th e-value is at least hypotheses/(rate k); any
    dependence (Wang and Ramdas 2022). The e-values are those of one moment, never maxima.
    """
    ranked = sorted(e_values, key=e_values.__getitem__, reverse=True)
    found = 0
    for rank, name in enumerate(ranked, start=1):
        if e_values[name] >= hypotheses / (rate * rank):
            found = rank
    return tuple(ranked[:found])
