"""The report as one HTML file that needs no script, no network and no style sheet beside it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Final

import jinja2

from pytest_perfmon.model.measurement import Summary
from pytest_perfmon.reporting.cells import clean
from pytest_perfmon.reporting.chart import chart_of
from pytest_perfmon.reporting.figures import FIGURES, figure
from pytest_perfmon.reporting.layout import OUTCOME
from pytest_perfmon.reporting.report import Report, count_line, unmeasured_line
from pytest_perfmon.reporting.table import UNIT
from pytest_perfmon.units import common_scale

_TEMPLATE: Final = "report.html"
_STYLE: Final = "report.css"


def to_html(report: Report) -> str:
    """Give the report as an HTML document; the same report always gives the same text.

    Every text is escaped, and the document's own policy lets a browser load nothing and run
    nothing: the one thing allowed is its style sheet, by its hash.
    """
    environment, style, style_hash = _prepared()
    return environment.get_template(_TEMPLATE).render(
        report=report,
        style=style,
        style_hash=style_hash,
        headline=count_line(report) or unmeasured_line(report) or "no perf test ran",
        unmeasured=unmeasured_line(report),
        left_columns=(UNIT, OUTCOME),
    )


@cache
def _prepared() -> tuple[jinja2.Environment, str, str]:
    loader = jinja2.PackageLoader("pytest_perfmon", "reporting/templates")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.globals |= {"chart_of": chart_of, "figures_of": figures_of}
    source, _, _ = loader.get_source(environment, _STYLE)
    style = "\n".join(source.splitlines())
    digest = hashlib.sha256(style.encode()).digest()
    return environment, style, f"sha256-{base64.b64encode(digest).decode()}"


def _printable(value: object) -> object:
    """Escape control characters of texts; a browser would swallow them or refuse the file."""
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return clean(str(value)) if is_text else value


def figures_of(summary: Summary) -> list[tuple[str, str, str]]:
    """Give name, figure and 95 % interval as texts on one scale; those unknown are left out."""
    known = {name: figure(summary, name) for name in FIGURES}
    values = {name: value for name, value in known.items() if value is not None}
    scale = common_scale(values.values())
    rows = []
    for name, value in values.items():
        low, high = summary.intervals.get(name, (None, None))
        interval = (
            "" if low is None or high is None else f"{scale.number(low)} to {scale.text(high)}"
        )
        rows.append((name, scale.text(value), interval))
    return rows
