"""The dashboard: a monitor's figures as one page for people, complete without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final

import jinja2

from pytest_perfmon.monitor.stats import OperationStats
from pytest_perfmon.units import NS_PER_MINUTE, NS_PER_MS, common_scale, format_ns, format_share
from pytest_perfmon.web.minutes import INTERVAL_NS, INTERVALS_KEPT
from pytest_perfmon.web.paging import Page
from pytest_perfmon.web.sparkline import HEIGHT, WIDTH, Sparkline, sparkline_of
from pytest_perfmon.web.view import BudgetLine, View, shown

_TEMPLATE: Final = "dashboard.html"

ASSETS: Final = {
    "/dashboard.css": "text/css; charset=utf-8",
    "/dashboard.js": "text/javascript; charset=utf-8",
    "/icon.svg": "image/svg+xml",
}
"""What the page loads, by its path below the application, with its content type."""


@dataclass(frozen=True, slots=True)
class Row:
    """One operation as the page shows it.

    Times are (name, number, unit) on one scale, responses (class of status, number).
    """

    name: str
    calls: str
    errors: str
    failing: bool
    times: tuple[tuple[str, str, str], ...]
    responses: tuple[tuple[str, str], ...]
    sparkline: Sparkline | None
    budget: BudgetLine | None


def to_html(view: View, page: Page) -> bytes:
    """Give one page of the figures as an HTML document.

    Every text is escaped. Styles and scripts are files of their own beside the document, so that
    its policy can forbid all that stands inside it.
    """
    limits = {one.operation: one for one in view.budgets}
    rows = [_row(stats, view, limits.get(stats.operation)) for stats in page.of(view.operations)]
    environment, _ = _prepared()
    html = environment.get_template(_TEMPLATE).render(
        view=view,
        rows=rows,
        has_responses=any(row.responses for row in rows),
        page=page,
        before=page.before(),
        after=page.after(len(view.operations)),
        minutes=INTERVALS_KEPT * INTERVAL_NS // NS_PER_MINUTE,
        width=WIDTH,
        height=HEIGHT,
    )
    # a lone surrogate cannot be encoded; `shown` leaves none, and a mistake must not cost the page
    return html.encode(errors="replace")


@cache
def asset(path: str) -> bytes:
    """Give a file that the page loads.

    Raises:
        KeyError: for any path that is not in `ASSETS`.
    """
    _ = ASSETS[path]
    environment, loader = _prepared()
    source, _, _ = loader.get_source(environment, path.removeprefix("/"))
    return source.encode()


@cache
def _prepared() -> tuple[jinja2.Environment, jinja2.PackageLoader]:
    loader = jinja2.PackageLoader("pytest_perfmon", "web/templates")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        clock=_clock,
        iso=_iso,
        ms=lambda milliseconds: format_ns(milliseconds * NS_PER_MS),
        ns=format_ns,
        share=format_share,
        shown=shown,
    )
    return environment, loader


def _row(stats: OperationStats, view: View, budget: BudgetLine | None) -> Row:
    quantiles = [(name, getattr(stats, name) * NS_PER_MS) for name in ("p50", "p95", "p99")]
    scale = common_scale(value for _, value in quantiles)
    return Row(
        name=shown(stats.operation),
        calls=f"{stats.count:,}",
        errors=format_share(1 - stats.success_rate) if stats.error_count else "0",
        failing=stats.error_count > 0,
        times=tuple((name, scale.number(value), scale.unit) for name, value in quantiles),
        responses=tuple((name, f"{count:,}") for name, count in stats.status_classes.items()),
        sparkline=sparkline_of(
            stats.operation,
            view.intervals,
            now_ns=view.now_ns,
            limit_ns=None if budget is None else budget.budget * NS_PER_MS,
        ),
        budget=budget,
    )


def _clock(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%H:%M:%S")


def _iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")
