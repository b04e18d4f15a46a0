"""Write figures to a log, or as JSON lines to a file or stream."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from pytest_perfmon.monitor.core import LOGGER
from pytest_perfmon.monitor.stats import OperationStats

FIELDS: Final = (
    "timestamp",
    "operation",
    "count",
    "errors",
    "avg_ms",
    "min_ms",
    "max_ms",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "errors_by_type",
)
"""The fields of a line, in their order."""


def fields_of(stats: OperationStats, timestamp: float) -> dict[str, Any]:
    """Give an operation's figures as plain data, by the names in `FIELDS`.

    Args:
        stats: of one operation.
        timestamp: when they were taken, seconds since 1970 UTC.
    """
    figures = (
        timestamp,
        stats.operation,
        stats.count,
        stats.error_count,
        stats.avg,
        stats.min,
        stats.max,
        stats.p50,
        stats.p95,
        stats.p99,
        dict(stats.errors_by_type),
    )
    return dict(zip(FIELDS, figures, strict=True))


class JsonLines:
    """A backend that writes one JSON object a line for each operation and interval.

    A file is opened for each batch, which is appended in one write: it may be rotated or written
    by several processes. Where a write fails halfway its batch comes again.

    Args:
        target: the path of a file, which is made if needed, or an open text stream.
        wall_clock: seconds since 1970 UTC.
    """

    def __init__(
        self, target: str | Path | TextIO, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._target = Path(target) if isinstance(target, str) else target
        self._wall_clock = wall_clock

    def __repr__(self) -> str:
        return f"JsonLines({getattr(self._target, 'name', self._target)!r})"

    def send(self, batch: Sequence[OperationStats]) -> None:
        """Write the batch; raises what the file or stream raises."""
        now = self._wall_clock()
        text = "".join(json.dumps(fields_of(stats, now)) + "\n" for stats in batch)
        if isinstance(self._target, Path):
            with self._target.open("ab") as file:
                file.write(text.encode())
        else:
            self._target.write(text)
            self._target.flush()


class LogRecords:
    """A backend that logs one record for each operation and interval.

    The message has the figures people look for; `record.perfmon` has all of `FIELDS`, for
    handlers that write structured logs.

    Args:
        logger: where records go; `logging.getLogger("pytest_perfmon")` unless another is given.
        level: that of all records.
        wall_clock: seconds since 1970 UTC.
    """

    def __init__(
        self,
        logger: logging.Logger | None = None,
        level: int = logging.INFO,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._logger = logger or LOGGER
        self._level = level
        self._wall_clock = wall_clock

    def __repr__(self) -> str:
        return f"LogRecords({self._logger.name!r})"

    def send(self, batch: Sequence[OperationStats]) -> None:
        """Log the batch; raises what a handler raises."""
        now = self._wall_clock()
        for stats in batch:
            self._logger.log(
                self._level,
                "operation %r: %d calls, %d errors, avg %.3f ms, p95 %.3f ms, p99 %.3f ms",
                stats.operation,
                stats.count,
                stats.error_count,
                stats.avg,
                stats.p95,
                stats.p99,
                extra={"perfmon": fields_of(stats, now)},
            )
