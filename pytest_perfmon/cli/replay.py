"""Decide interleaved comparisons again from what a JSON report recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.codec import from_plain
from pytest_perfmon.model.verdict import BlockRecord, Change
from pytest_perfmon.stats.blocks import Bars, BlockSeries, replay


def replay_file(path: Path, out: TextIO) -> bool:
    """Replay every comparison of a `--perf-json` file, a line each; say whether all agree.

    A comparison that was settled by what other tests gave up later (Holm's bars fall when others
    are rejected) is replayed up to its last block and said to be so.

    Raises:
        UsageError: the file cannot be read, or holds no comparison.
    """
    agrees = True
    count = 0
    for name, said, record in _comparisons(path):
        count += 1
        again = _decided(record)
        same = again is said or again is Change.UNDECIDED
        agrees = agrees and same
        blocks = f"{len(record.data)} block{'s' if len(record.data) != 1 else ''}"
        out.write(f"{name}: {again} after {blocks}; the file says {said}\n")
    if not count:
        raise UsageError(f"{str(path)!r} holds no interleaved comparison: expected one or more")
    return agrees


def _decided(record: BlockRecord) -> Change:
    bars = [Bars(*one) for one in record.bars]
    if record.fixed:
        series = BlockSeries(record.min_effect)
        for datum in record.data:
            series.add(datum)
        return series.decide(bars[-1], record.cap).change or Change.UNDECIDED
    decisions = replay(record.data, bars, min_effect=record.min_effect, cap=record.cap)
    return (decisions[-1].change if decisions else None) or Change.UNDECIDED


def _comparisons(path: Path) -> Iterator[tuple[str, Change, BlockRecord]]:
    for test in _tests(path):
        for verdict in test["verdicts"]:
            if verdict.get("record") is not None:
                try:
                    record = from_plain(BlockRecord, verdict["record"])
                    said = Change(verdict["comparison"]["change"])
                except (KeyError, TypeError, ValueError) as error:
                    raise UsageError(
                        f"{str(path)!r} holds a record that cannot be read: {error}"
                    ) from None
                if not 0 < len(record.data) == len(record.bars):
                    raise UsageError(f"{str(path)!r} holds a record without bars for its blocks")
                yield f"{test['nodeid']} {verdict['operation']}", said, record


def _tests(path: Path) -> list[Mapping[str, Any]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        tests: list[Mapping[str, Any]] = data["tests"]
        [test["verdicts"] for test in tests]
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{str(path)!r} is not what --perf-json writes") from None
    return tests
