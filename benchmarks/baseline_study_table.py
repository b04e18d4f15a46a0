"""The study of baselines as figures and as Markdown, resampled from its collected runs.

A trial draws k + 1 of the runs and keeps them in the order of time: k are the baseline, the last
one is judged. For every rule and function it is asked how much slower the function would have to
be to be red: its *room*, on the log scale. Room below 0 is red on noise, and what 90 % of rooms
are below is the smallest change that is found in 90 % of cases.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

from pytest_perfmon.model.measurement import Key, Measurement, Summary
from pytest_perfmon.model.run import StoredValue
from pytest_perfmon.stats.distributions import t_quantile
from pytest_perfmon.stats.summary import summary_of
from pytest_perfmon.verdicts.adaptive import exceeds_adaptive
from pytest_perfmon.verdicts.baselines import BaselineJudge
from pytest_perfmon.verdicts.screening import Screening, suite_of

Run = dict[str, Any]
Rooms = dict[str, float]

BASELINES = (1, 2, 3, 5, 10, 20)
ALPHA, MIN_EFFECT = 0.01, 0.02
INTERLEAVED = Path(__file__).parent / "results" / "error_rates.json"
SCREEN, SECOND, DUET = "screened", "and a second measurement", "and an interleaved comparison"
RULES = (SCREEN, SECOND, "plain t, 1 % a run", "3 sigma", "2x p95", "median:10%")
_FOUND = 0.9
_ABSURD = 99.0  # a hundred times as slow
_FURTHEST = math.log(100)


@dataclass(frozen=True, slots=True)
class Trial:
    """A baseline and the run that is judged by it."""

    stored: Sequence[Run]
    new: Run

    @property
    def names(self) -> list[str]:
        """Name the functions."""
        return list(self.new["first"])

    def history(self, name: str) -> list[StoredValue]:
        """Give the stored values of a function."""
        return [
            StoredValue(run["time"], run["time"], "", "call", 500, *_filled(run["first"][name]))
            for run in self.stored
        ]

    def logs(self, name: str) -> list[float]:
        """Give the stored log medians of a function."""
        return [math.log(run["first"][name][0]) for run in self.stored]

    def log(self, name: str) -> float:
        """Give the new log median of a function."""
        return math.log(self.new["first"][name][0])


def _filled(figures: Sequence[float | None]) -> tuple[float, float, float]:
    median, p95, control = figures
    assert median is not None
    return median, p95 or median, control or 0.0


_ONE_CALL = summary_of(Measurement("op", [1]))


def _summary(figures: Sequence[float | None]) -> Summary:
    median, p95, control = _filled(figures)
    return replace(_ONE_CALL, median=median, p95=p95, control_ns=control)


class Judged:
    """What this project says of a trial.

    Attributes:
        screened: the room of each function to be a suspect.
        convicted: to be one that a second measurement convicts; infinite where the machine is to
            blame.
        machine: of how many functions it was.
    """

    def __init__(self, trial: Trial) -> None:
        histories = {Key(name, name): trial.history(name) for name in trial.names}
        suite = suite_of(histories, alpha=ALPHA, min_effect=MIN_EFFECT)
        self.screened: Rooms = {}
        self.convicted: Rooms = {}
        self.machine = 0
        for key, history in histories.items():
            name = key.operation
            judge = BaselineJudge(key, history, suite, None)
            first = judge.screen(_summary(trial.new["first"][name]))
            second = judge.convict(_summary(trial.new["second"][name]))
            trouble = first.trouble or second.trouble
            self.machine += bool(first.trouble)
            self.screened[name] = _room(first)
            both = max(_room(first), _room(second))
            self.convicted[name] = math.inf if trouble else both


def _room(found: Screening) -> float:
    threshold = found.threshold
    if threshold.spread is not None:
        return math.log(threshold.threshold / threshold.measured)
    p95, median = threshold.measured / threshold.mean, 1 + found.comparison.effect
    low, high = -_FURTHEST, _FURTHEST
    while high - low > 1e-4:  # noqa: PLR2004 - a hundredth of a percent
        middle = (low + high) / 2
        factor = math.exp(middle)
        suspect = exceeds_adaptive(p95 * factor, median * factor)
        low, high = (low, middle) if suspect else (middle, high)
    return high


def _plain_t(trial: Trial) -> Rooms:
    k, level = len(trial.stored), ALPHA / len(trial.names)
    return {
        name: fmean(logs)
        + t_quantile(1 - level, k - 1) * _sd(logs) * math.sqrt(1 + 1 / k)
        - trial.log(name)
        for name in trial.names
        if k > 1 and (logs := trial.logs(name))
    }


def _three_sigma(trial: Trial) -> Rooms:
    medians = {name: [math.exp(one) for one in trial.logs(name)] for name in trial.names}
    return {
        name: math.log(fmean(stored) + 3 * stdev(stored)) - trial.log(name)
        for name, stored in medians.items()
        if len(stored) > 1
    }


def _twice_p95(trial: Trial) -> Rooms:
    return {
        name: math.log(2 * fmean(value.p95 for value in trial.history(name)))
        - math.log(_filled(trial.new["first"][name])[1])
        for name in trial.names
    }


def _median_10(trial: Trial) -> Rooms:
    old, new = (run["pytest-benchmark"] for run in (trial.stored[-1], trial.new))
    return {name: math.log(1.10 * old[name] / new[name]) for name in trial.names}


_OTHERS: Mapping[str, Callable[[Trial], Rooms]] = dict(
    zip(RULES[2:], (_plain_t, _three_sigma, _twice_p95, _median_10), strict=True)
)


def _sd(values: Sequence[float]) -> float:
    return max(stdev(values), 1e-4)


def trials(runs: Sequence[Run], k: int, count: int) -> Iterator[Trial]:
    """Draw so many trials, always the same."""
    chance = Random(k)
    for _ in range(count):
        *stored, new = sorted(chance.sample(range(len(runs)), k + 1))
        yield Trial([runs[index] for index in stored], runs[new])


def interleaved_on_unchanged_code(path: Path = INTERLEAVED) -> list[set[str]]:
    """Give the functions that each interleaved comparison of equal code called slower."""
    if not path.exists():
        return []
    return [
        {test["name"] for test in run["tests"] if test["change"] == "REGRESSED"}
        for run in json.loads(path.read_text(encoding="utf-8"))["runs"]
        if run["mode"] in {"aa", "loaded"}
    ]


def summarise(runs: Sequence[Run], count: int) -> list[dict[str, Any]]:
    """Resample; gives for each number of stored runs what each rule says and finds."""
    spreads = {
        name: stdev(math.log(run["first"][name][0]) for run in runs) for name in runs[0]["first"]
    }
    duets = interleaved_on_unchanged_code()
    return [_summarised(runs, k, count, spreads, duets) for k in BASELINES if k < len(runs)]


def _summarised(
    runs: Sequence[Run],
    k: int,
    count: int,
    spreads: Mapping[str, float],
    duets: Sequence[set[str]],
) -> dict[str, Any]:
    chance = Random(100 + k)
    rooms: dict[str, list[Rooms]] = {rule: [] for rule in RULES}
    suspects = machine = red_by_duet = 0
    for trial in trials(runs, k, count):
        judged = Judged(trial)
        rooms[SCREEN].append(judged.screened)
        rooms[SECOND].append(judged.convicted)
        for rule, room in _OTHERS.items():
            rooms[rule].append(room(trial))
        suspected = {name for name, room in judged.screened.items() if room < 0}
        suspects += len(suspected)
        machine += judged.machine
        red_by_duet += bool(duets and suspected & chance.choice(duets))
    red = {rule: _red(found) for rule, found in rooms.items() if any(found)}
    if duets:
        red[DUET] = red_by_duet / count
    return {
        "k": k,
        "trials": count,
        "suspects_a_run": round(suspects / count, 3),
        "duet_red_at_most": _bound(suspects / count, duets, len(spreads)),
        "machine_share": round(machine / count / len(spreads), 4),
        "red_share": {rule: round(share, 4) for rule, share in red.items()},
        "found_90": {rule: _found(found) for rule, found in rooms.items() if any(found)},
        "found_90_sd": {
            rule: _found(found, spreads) for rule, found in rooms.items() if any(found)
        },
    }


def _bound(suspects: float, duets: Sequence[set[str]], functions: int) -> float | None:
    """Bound the share of runs that an interleaved comparison of the suspects turns red.

    By the 95 % upper bound of its false reds, which is exact where there were none.
    """
    if not duets:
        return None
    comparisons, wrong = len(duets) * functions, sum(map(len, duets))
    rate = 1 - 0.05 ** (1 / comparisons) if not wrong else (wrong + 2 * math.sqrt(wrong) + 3)
    return round(suspects * (rate if not wrong else rate / comparisons), 5)


def _red(found: Sequence[Rooms]) -> float:
    return fmean(any(room < 0 for room in one.values()) for one in found)


def _found(found: Sequence[Rooms], spreads: Mapping[str, float] | None = None) -> float | None:
    """Give the change that is found in 90 % of cases, None where there is none.

    A share; in standard deviations between runs where these are given.
    """
    rooms = sorted(
        room / (spreads[name] if spreads else 1.0) for one in found for name, room in one.items()
    )
    room = rooms[math.ceil(_FOUND * len(rooms)) - 1]
    if math.isinf(room):
        return None
    return round(room if spreads else math.expm1(room), 4)


def markdown(summary: Sequence[Mapping[str, Any]], runs: Sequence[Run]) -> str:
    """Give the tables of a summary."""
    red_rules = (SCREEN, SECOND, DUET, *RULES[2:])
    head = ["stored runs", "suspects a run", "machine", *red_rules]
    red = [
        [one["k"], f"{one['suspects_a_run']:.2f}", f"{one['machine_share']:.1%}"]
        + [_red_cell(one, rule) for rule in red_rules]
        for one in summary
    ]
    found = [[one["k"], *(_found_cell(one, rule) for rule in RULES)] for one in summary]
    loaded = sum(run["condition"] == "loaded" for run in runs)
    hours = sorted(run["time"] for run in runs)
    intro = (
        f"{len(runs)} saved runs of {len(runs[0]['first'])} functions, {loaded} of them beside a"
        f" busy process, from {hours[0][:16]} to {hours[-1][:16]} UTC;"
        f" {summary[0]['trials']} trials a line: `benchmarks/baseline_study.py`."
    )
    return "\n\n".join(
        [
            intro,
            "Share of runs that are red though nothing changed:",
            _table(head, red),
            "Smallest slowdown found in 90 % of cases (sd: of log medians between runs):",
            _table(["stored runs", *RULES], found),
        ]
    )


def _red_cell(one: Mapping[str, Any], rule: str) -> str:
    share = one["red_share"].get(rule)
    if share is None:
        return "-"
    said = f"{share:.1%}"
    return f"{said} (at most {one['duet_red_at_most']:.2%})" if rule == DUET else said


def _found_cell(one: Mapping[str, Any], rule: str) -> str:
    if rule not in one["found_90"]:
        return "-"
    share, spreads = one["found_90"][rule], one["found_90_sd"][rule]
    if share is None or share > _ABSURD:
        return "none"
    return f"{share:+.0%} ({spreads:.1f} sd)"


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
