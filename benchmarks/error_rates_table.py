"""The study of error rates as Markdown, computed from its raw results."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import permutations
from statistics import median
from typing import Any

from error_rates_tools import FIELDS, LIMITS, red_by_rule

from pytest_perfmon.stats.evidence import Evidence, blocks_of, e_value

Run = dict[str, Any]

_E_OF_A_BIAS = 20.0
_MAD_TO_SD = 1.4826
_SMALL_SPREAD = 0.02
_OF_TWELVE = {"aa", "loaded", "edits", "inject"}
_CONDITIONS = (
    ("quiet", "aa", 2),
    ("beside a busy process", "loaded", 2),
    ("quiet, 16 slices a side", "aa", 1),
    ("beside a busy process, 16 slices a side", "loaded", 1),
)
_BLOCKS = re.compile(r"(\d+) blocks in")


def markdown(runs: Sequence[Run]) -> str:
    """Give all tables for which there are runs.

    Args:
        runs: as `error_rates.py` keeps them; but for those on unchanged code, only those by a
            mode's newest method count.
    """
    unchanged = _unchanged(runs)
    newest = {run["mode"]: _method(run) for run in sorted(runs, key=_method)}
    runs = [run for run in runs if _method(run) == newest[run["mode"]]]
    made = (
        unchanged,
        _injected(runs),
        _by_function(runs),
        _edits(_of(runs, "edits")),
        _tails(_of(runs, "p95")),
        _timed("Fifty functions against themselves", _of(runs, "fifty")),
        _timed("Twelve functions, ten common plugins installed", _of(runs, "plugins")),
        _peers(_of(runs, "peers")),
        _pyperf(_of(runs, "pyperf")),
    )
    return "\n\n".join(table for table in made if table)


def _method(run: Run) -> int:
    return int(run.get("method", 1))


def _of(runs: Iterable[Run], mode: str) -> list[Run]:
    return [run for run in runs if run["mode"] == mode]


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    shown = "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
    return f"### {title}\n\n{shown}"


def _share(count: int, total: int) -> str:
    return f"{count} of {total} ({count / total:.1%})" if total else "none"


def _red(runs: Sequence[Run]) -> str:
    red = sum(run["exit"] == 1 for run in runs)
    if red or not runs:
        return _share(red, len(runs))
    return f"0 of {len(runs)} (at most {1 - 0.05 ** (1 / len(runs)):.1%} with 95 % confidence)"


def _seconds(runs: Sequence[Run]) -> str:
    return f"{median(run['seconds'] for run in runs):.1f} s"


def _blocks(run: Run) -> int:
    return next((int(found[1]) for note in run["notes"] if (found := _BLOCKS.search(note))), 0)


def _data(test: Run) -> list[float]:
    return [datum for datum in test["data"] if datum is not None]


def _spread(test: Run) -> float:
    data = _data(test)
    middle = median(data)
    return _MAD_TO_SD * median(abs(datum - middle) for datum in data)


def _spreads(runs: Iterable[Run]) -> dict[str, float]:
    """Give the block spread of each function, the median over all runs that recorded blocks."""
    by_name: dict[str, list[float]] = {}
    for run in runs:
        for test in run.get("tests", ()) if run["mode"] in _OF_TWELVE else ():
            if _data(test):
                by_name.setdefault(test["name"], []).append(_spread(test))
    return {name: median(spreads) for name, spreads in by_name.items()}


def _covers(test: Run, truth: float) -> bool:
    low = -1.0 if test["low"] is None else test["low"]
    high = math.inf if test["high"] is None else test["high"]
    return bool(low <= truth <= high)


def _compared(tests: Iterable[Run]) -> list[Run]:
    return [test for test in tests if test["change"] is not None]


def _biased(tests: Sequence[Run], side: int) -> str:
    """Count the series whose own evidence at a ratio of 1 reaches 20 in that direction."""
    reached = 0
    recorded = [test for test in tests if test["data"]]
    for test in recorded:
        evidence = Evidence.above(0.0) if side > 0 else Evidence.below(0.0)
        for block in blocks_of(test["data"]):
            evidence.add(block)
        reached += e_value(evidence.log_peak) >= _E_OF_A_BIAS
    return _share(reached, len(recorded))


def _changes(tests: Iterable[Run]) -> str:
    counts = Counter(test["change"] or test["outcome"] for test in tests)
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _unchanged(runs: Sequence[Run]) -> str:
    rows = []
    for condition, mode, method in _CONDITIONS:
        mine = [run for run in _of(runs, mode) if _method(run) == method]
        if not mine:
            continue
        tests = [test for run in mine for test in run["tests"]]
        compared = _compared(tests)
        starts = [run["start"] * _blocks(run) / run["seconds"] for run in mine if "start" in run]
        rows.append(
            [
                condition,
                _red(mine),
                _changes(tests),
                _share(sum(_covers(test, 0.0) for test in compared), len(compared)),
                _biased(tests, 1),
                _biased(tests, -1),
                f"{median(_blocks(run) for run in mine):g}",
                _seconds(mine),
                f"{median(starts):.0%}" if starts else "-",
            ]
        )
    header = ["nothing changed", "red runs", "verdicts", "interval holds 0 %"]
    header += ["E >= 20 slower", "E >= 20 faster", "blocks", "wall time", "of it starting"]
    return _table("Twelve functions against themselves", header, rows) if rows else ""


def _changed(runs: Sequence[Run]) -> list[Run]:
    """Give the tests that were changed, each with its size and the truth about it."""
    return [
        {**test, **run["injected"][test["name"]]}
        for run in _of(runs, "inject")
        for test in run["tests"]
        if test["name"] in run["injected"]
    ]


def _found(test: Run) -> bool:
    return bool(test["change"] == ("REGRESSED" if test["size"] > 0 else "IMPROVED"))


def _was_visible(test: Run) -> bool:
    visible = test["visible"]
    return visible is not None and abs(math.log1p(test["truth"])) >= math.log1p(visible)


def _injected(runs: Sequence[Run]) -> str:
    changed, spreads, rows = _changed(runs), _spreads(runs), []
    for size in sorted({test["size"] for test in changed}):
        mine = [test for test in changed if test["size"] == size]
        calm = [test for test in mine if spreads.get(test["name"], math.inf) <= _SMALL_SPREAD]
        compared = _compared(mine)
        seen = [test for test in mine if _was_visible(test)]
        rows.append(
            [
                f"{size:+.0%}",
                _share(sum(map(_found, mine)), len(mine)),
                _share(sum(map(_found, calm)), len(calm)),
                _changes(mine),
                _share(sum(_covers(test, test["truth"]) for test in compared), len(compared)),
                _share(sum(map(_found, seen)), len(seen)),
            ]
        )
    if not rows:
        return ""
    others = [
        test
        for run in _of(runs, "inject")
        for test in _compared(run["tests"])
        if test["name"] not in run["injected"]
    ]
    blamed = sum(test["change"] in {"REGRESSED", "IMPROVED"} for test in others)
    rows.append(["nothing", "", "", f"{_share(blamed, len(others))} blamed", "", ""])
    header = ["injected", "found", "found, block spread <= 2 %", "verdicts"]
    header += ["interval holds truth", "found where visible"]
    return _table("Some of twelve functions changed at once", header, rows)


def _by_function(runs: Sequence[Run]) -> str:
    changed, rows = _changed(runs), []
    sizes = sorted({test["size"] for test in changed})
    for name, spread in sorted(_spreads(runs).items(), key=lambda one: one[1]):
        cells: list[object] = [name, f"{spread:.1%}"]
        for size in sizes:
            mine = [test for test in changed if (test["name"], test["size"]) == (name, size)]
            cells.append(f"{sum(map(_found, mine))} of {len(mine)}")
        rows.append(cells)
    header = ["function", "block spread", *(f"{size:+.0%} found" for size in sizes)]
    return _table("By function", header, rows) if rows else ""


def _edits(runs: Sequence[Run]) -> str:
    rows = []
    for edit in sorted({run["edit"] for run in runs}):
        mine = [run for run in runs if run["edit"] == edit]
        tests = [test for run in mine for test in run["tests"]]
        effects = [abs(test["effect"]) for test in _compared(tests)]
        sizes = [f"{median(effects):.1%}", f"{max(effects):.1%}"] if effects else ["-", "-"]
        rows.append([edit, _red(mine), _changes(tests), *sizes])
    header = ["edit without meaning", "red runs", "verdicts", "median effect", "largest effect"]
    return _table("Edits that mean nothing", header, rows) if rows else ""


def _tails(runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    targets = [test for run in runs for test in run["tests"]]
    found = sum(test["change"] == "REGRESSED" for test in targets)
    row = [_share(found, len(runs)), _changes(targets), _seconds(runs)]
    header = ["found", "verdicts", "wall time"]
    return _table("6 % of calls three times as long, p95 asked for", header, [row])


def _timed(title: str, runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    starting = median(run["start"] * _blocks(run) / run["seconds"] for run in runs)
    tests = [test for run in runs for test in run["tests"]]
    row = [_red(runs), _changes(tests), _seconds(runs), f"{starting:.0%}"]
    header = ["red runs", "verdicts", "wall time", "of it starting"]
    return _table(title, header, [row])


def _peers(runs: Sequence[Run]) -> str:
    pairs = list(permutations(runs, 2))
    if not pairs:
        return ""
    rows = []
    for field in FIELDS:
        for limit in LIMITS:
            red = sum(bool(red_by_rule(*pair, field, limit)) for pair in pairs)
            rows.append([f"{field}:{limit}%", _share(red, len(pairs))])
    rows.append(["wall time, measuring once", _seconds(runs)])
    for run in runs:
        if run["asked"]:
            same = set(run["red"]) == _expected(runs[0], run)
            rows.append(["its own option agrees with the rule", "yes" if same else "no"])
    title = f"pytest-benchmark at its defaults, {len(runs)} runs, nothing changed"
    return _table(title, ["--benchmark-compare-fail", "red pairs of runs"], rows)


def _expected(before: Run, after: Run) -> set[str]:
    return {
        f"{name} {field} {limit}"
        for field in FIELDS
        for limit in LIMITS
        for name in red_by_rule(before, after, field, limit)
    }


def _pyperf(runs: Sequence[Run]) -> str:
    rows = []
    for limit in LIMITS:
        pairs = [slower for run in runs for slower in run["slower"][str(limit)]]
        if pairs:
            rows.append([f"slower by over {limit} %", _share(sum(map(bool, pairs)), len(pairs))])
    if not rows:
        return ""
    rows.append(["wall time, measuring once", _seconds(runs)])
    title = f"pyperf at its defaults, {len(runs)} runs, nothing changed"
    return _table(title, ["pyperf compare_to", "red pairs of runs"], rows)
