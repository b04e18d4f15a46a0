"""The command line, environment and ini file as one frozen value; the only reader of them."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_perfmon import units
from pytest_perfmon.duet.launcher import TOLD_APART, Invocation
from pytest_perfmon.duet.slices import STATISTICS
from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.budget import MeasureOptions
from pytest_perfmon.plugin import option
from pytest_perfmon.reporting.layout import Layout, read_layout
from pytest_perfmon.storage.names import check_baseline_name

_AGAINST_COLUMNS: Final = "outcome"

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class AgainstOptions:
    """What the user asked of an A/B.

    Attributes:
        base: what is compared with, as written; None where no A/B was asked for, and the rest is
            for suspects of stored runs alone.
        candidate: what is compared, as written; None is the working tree.
        blocks: exactly so many; None stops by evidence.
        seconds: cap on the comparison.
        statistic: what is compared; None lets the marks choose.
        pin: `auto`, `on` or `off`.
        setup, python: how a side is built and run.
    """

    base: str | None
    candidate: str | None
    blocks: int | None
    seconds: float
    statistic: str | None
    pin: str
    setup: str | None
    python: str | None


@dataclass(frozen=True, slots=True)
class PerfOptions:
    """What the user asked of this run.

    Attributes:
        budgets: judge.
        save: append the run to the baseline.
        store: path or URL.
        baseline_name: which baseline.
        measure: how to measure, as far as the command line, environment and ini file say.
        alpha: chance of one false red in the run, above 0 and at most 0.2.
        min_effect: share below which a change is ignored.
        max_regression: share, None where not asked.
        explain_threshold: tell how the thresholds of stored runs came about.
        against: the A/B.
        strict: NOT CHECKED fails.
        only, skip: selection of tests.
        json, html: report files.
        github: annotations and step summary.
        layout: of the terminal table.
    """

    budgets: bool
    save: bool
    store: str
    baseline_name: str
    measure: MeasureOptions
    alpha: float
    min_effect: float
    max_regression: float | None
    explain_threshold: bool
    against: AgainstOptions
    strict: bool
    only: bool
    skip: bool
    json: Path | None
    html: Path | None
    github: bool
    layout: Layout

    @property
    def measuring(self) -> bool:
        """Whether perf tests are measured at all."""
        return self.budgets or self.save or self.against.base is not None


def read_options(config: pytest.Config) -> PerfOptions:
    """Read every option.

    Raises:
        pytest.UsageError: for a bad value: what it is, what was expected, which option.
    """
    try:
        return _read(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def _read(config: pytest.Config) -> PerfOptions:
    def parsed(name: str, parse: Callable[[Any, str], Any], default: Any = None) -> Any:
        value = option(config, name)
        return default if value is None else parse(value, f"--perf-{name}")

    github, against = option(config, "github"), _against(parsed)
    only, skip = bool(option(config, "only")), bool(option(config, "skip"))
    if only and skip:
        raise UsageError("--perf-only and --perf-skip exclude each other: expected at most one")
    return PerfOptions(
        budgets=bool(option(config, "budgets")),
        save=bool(option(config, "save-baseline")),
        store=parsed("store", _text, ".perfmon"),
        baseline_name=check_baseline_name(parsed("baseline-name", _text, "default")),
        measure=MeasureOptions(
            rounds=parsed("rounds", units.parse_count),
            min_rounds=parsed("min-rounds", units.parse_count),
            max_time_ns=parsed("max-time", units.parse_cap_ns),
            warmup_ns=parsed("warmup", _warmup),
        ),
        alpha=parsed("alpha", _alpha, 0.01),
        min_effect=parsed("min-effect", units.parse_change, 0.02),
        max_regression=parsed("max-regression", units.parse_change),
        explain_threshold=bool(option(config, "explain-threshold")),
        against=against,
        strict=bool(option(config, "strict")),
        only=only,
        skip=skip,
        json=parsed("json", _path),
        html=parsed("html", _path),
        github=_on_github() if github is None else github,
        layout=_layout(parsed, against=against),
    )


def _layout(parsed: Callable[..., Any], *, against: AgainstOptions) -> Layout:
    columns = parsed("columns", _text, None if against.base is None else _AGAINST_COLUMNS)
    return read_layout(columns, parsed("sort", _text), parsed("time-unit", _text))


def _against(parsed: Callable[..., Any]) -> AgainstOptions:
    return AgainstOptions(
        base=parsed("against", _text),
        candidate=parsed("candidate", _text),
        blocks=parsed("blocks", units.parse_count),
        seconds=parsed("against-time", units.parse_cap_ns, 120_000_000_000) / 1e9,
        statistic=parsed("statistic", _one_of(STATISTICS), None),
        pin=parsed("pin", _one_of(("auto", "on", "off")), "auto"),
        setup=parsed("setup", _text),
        python=parsed("python", _text),
    )


def _one_of(allowed: Sequence[str]) -> Callable[[Any, str], str]:
    def parse(value: Any, what: str) -> str:
        if value not in allowed:
            raise UsageError(f"{what} is {value!r}: expected one of {', '.join(allowed)}")
        return str(value)

    return parse


def _text(value: Any, what: str) -> str:
    if not str(value).strip():
        raise UsageError(f"{what} is {value!r}: expected a text that is not empty")
    return str(value)


def _warmup(value: Any, what: str) -> int | None:
    return None if value == "auto" else units.parse_cap_ns(value, what)


def _alpha(value: Any, what: str) -> float:
    if not 0 < value <= 0.2:  # noqa: PLR2004 - beyond one false red in five runs nobody is helped
        raise UsageError(f"{what} is {value!r}: expected a chance above 0 and at most 0.2")
    return float(value)


def _path(value: Any, what: str) -> Path:
    path = Path(_text(value, what)).absolute()
    if path.is_dir():
        raise UsageError(f"{what} is {value!r}: expected a file, that is a directory")
    return path


def _on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def call_of(config: pytest.Config) -> dict[str, Any]:
    """Give how the user called pytest, as plain data that a worker process can be told.

    An xdist worker gives what its controller was called with.
    """
    told = getattr(config, "workerinput", {}).get("perfmon_call")
    if told is not None:
        return dict(told)
    from_ini = [str(one) for one in config.getini("addopts")]
    from_environment = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    as_typed = [os.fspath(one) for one in config.invocation_params.args]
    return {
        "arguments": [*from_ini, *from_environment, *as_typed],
        "paths": [os.fspath(one) for one in config.option.file_or_dir],
        "directory": str(config.invocation_params.dir),
    }


def invocation_of(config: pytest.Config) -> Invocation:
    """Describe this invocation, so that child processes can be called likewise."""
    call = call_of(config)
    return Invocation(
        arguments=tuple(call["arguments"]),
        paths=tuple(call["paths"]),
        directory=Path(call["directory"]),
        rootdir=config.rootpath,
        inifile=config.inipath,
        plugins=frozenset(name for name in TOLD_APART if config.pluginmanager.hasplugin(name)),
    )
