"""`/stats.json`: a monitor's figures for programs."""

from __future__ import annotations

import json
from typing import Any

from pytest_perfmon.monitor.stats import OperationStats
from pytest_perfmon.web.paging import Page
from pytest_perfmon.web.view import View, shown


def to_json(view: View, page: Page) -> bytes:
    """Give one page of the figures as a JSON object, in ASCII.

    `status` is `ok`, or `over_budget` while a budget is exceeded; `timestamp` is milliseconds
    since 1970 UTC; durations are milliseconds; `error_rate` and `success_rate` are shares from 0
    to 1. `stats` holds the page, those operations first that took most time altogether, each with
    its `responses` by class of status (`2xx`); `summary` is about all of them.
    """
    summary = view.summary
    document = {
        "status": "over_budget" if view.violations else "ok",
        "timestamp": _milliseconds(view.timestamp),
        "summary": {
            "total_requests": summary.total,
            "error_rate": summary.error_rate,
            "avg_duration": summary.avg,
            "slowest_operation": None if summary.slowest is None else shown(summary.slowest),
        },
        "stats": [_figures(one) for one in page.of(view.operations)],
        "page": {
            "limit": page.limit,
            "offset": page.offset,
            "operations": len(view.operations),
        },
        "budgets": [
            {
                "operation": shown(one.operation),
                "budget": one.budget,
                "p95": one.p95,
                "state": one.state,
            }
            for one in view.budgets
        ],
        "slow_calls": [
            {
                "operation": shown(one.operation),
                "duration": one.duration,
                "slowness": one.slowness,
                "timestamp": _milliseconds(one.timestamp),
            }
            for one in view.slow_calls
        ],
    }
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")


def _figures(stats: OperationStats) -> dict[str, Any]:
    return {
        "operation": shown(stats.operation),
        "count": stats.count,
        "success_count": stats.success_count,
        "error_count": stats.error_count,
        "cancelled_count": stats.cancelled_count,
        "success_rate": stats.success_rate,
        "avg": stats.avg,
        "min": stats.min,
        "max": stats.max,
        "p50": stats.p50,
        "p95": stats.p95,
        "p99": stats.p99,
        "responses": stats.status_classes,
    }


def _milliseconds(timestamp: float) -> int:
    return round(timestamp * 1000)
