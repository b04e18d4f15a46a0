"""Decide interleaved comparisons again from what a JSON report recorded."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from pytest_perfmon.cli.exit_codes import FAILED, FINE
from pytest_perfmon.cli.output import Output
from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.codec import from_plain
from pytest_perfmon.model.verdict import BlockRecord, Change
from pytest_perfmon.stats.blocks import Bars, BlockSeries, replay
from pytest_perfmon.stats.evidence import Evidence, e_value

SUMMARY: Final = "decide the comparisons of a --perf-json file again, from their blocks"
EXAMPLES: Final = "replay run.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for the file."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what --perf-json wrote")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Replay a file; 1 where a decision differs from what the file says."""
    return FINE if replay_file(arguments.file, out) else FAILED


class _Recorded(NamedTuple):
    name: str
    said: Change
    record: BlockRecord


def replay_file(path: Path, out: Output) -> bool:
    """Replay every comparison of a `--perf-json` file, a line each; say whether all agree.

    A claim may have become possible only when other tests' claims lowered the bar, after the last
    block of its own; it agrees where its evidence reaches the lowest bar that was on record.

    Raises:
        UsageError: the file cannot be read, or holds no comparison.
    """
    agrees = True
    count = 0
    for name, said, record in _comparisons(path):
        count += 1
        try:
            again, late = _decided(record), _claimed_late(record, said)
        except (ValueError, IndexError) as error:
            raise UsageError(f"{str(path)!r}: the record of {name} is damaged: {error}") from None
        same = again is said or late
        agrees = agrees and same
        blocks = f"{len(record.data)} block{'s' if len(record.data) != 1 else ''}"
        how = " (as other claims lowered the bar)" if late and again is not said else ""
        out.line(f"{name}: {again} after {blocks}; the file says {said}{how}")
    if not count:
        raise UsageError(f"{str(path)!r} holds no interleaved comparison: expected one or more")
    return agrees


def _decided(record: BlockRecord) -> Change:
    bars = [Bars(*one) for one in record.bars]
    if record.fixed:
        return _series(record).decide(bars[-1], record.cap).change or Change.UNDECIDED
    decisions = replay(record.data, bars, min_effect=record.min_effect, cap=record.cap)
    return decisions[-1].change or Change.UNDECIDED


def _claimed_late(record: BlockRecord, said: Change) -> bool:
    _, _, regressed_floor, improved_floor = record.bars[-1]
    series = _series(record)
    if said is Change.REGRESSED:
        return _reached(series.regressed, regressed_floor)
    return said is Change.IMPROVED and _reached(series.improved, improved_floor)


def _reached(evidence: Evidence, bar: float) -> bool:
    return e_value(evidence.log_peak) >= bar


def _series(record: BlockRecord) -> BlockSeries:
    series = BlockSeries(record.min_effect)
    for datum in record.data:
        series.add(datum)
    return series


def _comparisons(path: Path) -> Iterator[_Recorded]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        for test in data["tests"]:
            for verdict in test["verdicts"]:
                if verdict.get("record") is not None:
                    yield _recorded(test, verdict)
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{str(path)!r} is not what --perf-json writes") from None


def _recorded(test: dict[str, Any], verdict: dict[str, Any]) -> _Recorded:
    return _Recorded(
        f"{test['nodeid']} {verdict['operation']}",
        Change(verdict["comparison"]["change"]),
        from_plain(BlockRecord, verdict["record"]),
    )
