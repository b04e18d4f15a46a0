"""The plugin's door: options, the fixture, and hooks of a few lines.

PYTEST_DONT_REWRITE. This is all that loads in a run without perf tests; the rest of the plugin
comes in with the first item that has a `budget` mark or asks for `perf_monitor`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_perfmon.plugin.fixture import PerfMonitor

# name, type, help; a flag has a --no- twin. The ini key is `perf_NAME`, the variable PERFMON_NAME.
OPTIONS = (
    ("budgets", "flag", "measure perf tests; judge them by their budgets and stored baselines"),
    ("save-baseline", "flag", "measure perf tests and append the run to the baseline"),
    ("store", "str", "where runs are kept: a directory or URL (.perfmon)"),
    ("baseline-name", "str", "the baseline to compare with and save to (default)"),
    ("max-time", "str", 'cap on measuring one operation, with its unit ("1s")'),
    ("min-rounds", "int", "rounds to make at least (20)"),
    ("warmup", "str", 'time to warm up, with its unit, or "auto" (auto)'),
    ("rounds", "int", "make exactly so many rounds, whatever they show"),
    ("alpha", "float", "chance of one false red in the whole run (0.01)"),
    ("min-effect", "str", 'changes smaller than this are ignored ("2%")'),
    ("max-regression", "str", 'for all tests: red only beyond this, such as "10%"'),
    ("against", "str", "compare with this: a git ref, pip:SPEC, or a directory"),
    ("candidate", "str", "what is compared, instead of the working tree"),
    ("blocks", "int", "A/B: make exactly so many blocks"),
    ("against-time", "str", 'A/B: cap on the whole comparison, with its unit ("120s")'),
    ("statistic", "str", "A/B: location, p95, cpu or memory (by the marks, else location)"),
    ("pin", "str", "A/B: keep both sides on one CPU: auto, on or off (auto)"),
    ("setup", "str", "A/B: command that builds a side; {tree} is its directory"),
    ("python", "str", "A/B: Python that runs a side; {tree} is its directory"),
    ("selftest", "flag", "tell what an A/B can see on this machine, in a minute"),
    ("explain-threshold", "flag", "tell how each threshold of the stored runs came about"),
    ("strict", "flag", "in judging modes, whatever could not be checked fails"),
    ("only", "flag", "run perf tests only"),
    ("skip", "flag", "leave perf tests out"),
    ("json", "str", "write the results to this JSON file"),
    ("html", "str", "write a report to this HTML file"),
    ("github", "flag", "annotations and step summary (on under GitHub Actions)"),
    ("columns", "str", "columns of the terminal table, separated by commas"),
    ("sort", "str", "sort the terminal table by these columns"),
    ("time-unit", "str", "one unit for the whole table: ns, us, ms or s"),
)
_PYTHON_TYPES: dict[str, Any] = {"str": str, "int": int, "float": float}
_INI_TYPES: dict[str, Any] = {"flag": "bool", "str": "string", "int": "int", "float": "float"}
_TRUTHS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False}
_TRUTHS |= {"no": False, "off": False}

MARKER = (
    "budget([operation], *, p50=, p90=, p95=, p99=, mean=, max=, error_rate=, max_regression=, "
    "calls=, peak_memory=, allocations=, rounds=, min_rounds=, max_time=, on_undecided=): "
    "limits on a measured operation; numbers are milliseconds, --perf-budgets checks them"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register every option with its ini key; unset is None."""
    group = parser.getgroup("perfmon", "performance budgets and baselines (pytest-perfmon)")
    for name, kind, text in OPTIONS:
        dest, shown = "perfmon_" + name.replace("-", "_"), text.replace("%", "%%")
        if kind == "flag":
            turn_on = {"dest": dest, "action": "store_const", "const": True, "default": None}
            turn_off = {**turn_on, "const": False}
            group.addoption(f"--perf-{name}", help=shown, **turn_on)
            group.addoption(f"--no-perf-{name}", help=f"not --perf-{name}", **turn_off)
        else:
            python_type, metavar = _PYTHON_TYPES[kind], name.upper()
            group.addoption(
                f"--perf-{name}", dest=dest, type=python_type, metavar=metavar, help=shown
            )
        parser.addini("perf_" + name.replace("-", "_"), text, type=_INI_TYPES[kind], default=None)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register this plugin's own hooks."""
    from pytest_perfmon.plugin import hookspecs  # noqa: PLC0415 - only when pytest asks

    pluginmanager.add_hookspecs(hookspecs)
    if "PERFMON_SIDE" in os.environ:
        from pytest_perfmon.duet.relocation import relocate_sys_path  # noqa: PLC0415 - in workers

        relocate_sys_path()


def option(config: pytest.Config, name: str) -> Any:
    """Give an option's value as the user wrote it, None where nobody did.

    Order: command line, environment, ini file.

    Raises:
        pytest.UsageError: for a value that is not of the option's type.
    """
    key = name.replace("-", "_")
    value = config.getoption("perfmon_" + key, None)
    if value is not None:
        return value
    kind = next(kind for known, kind, _ in OPTIONS if known == name)
    variable = "PERFMON_" + key.upper()
    text = os.environ.get(variable)
    try:
        if text:
            return _TRUTHS[text.lower()] if kind == "flag" else _PYTHON_TYPES[kind](text)
        return config.getini("perf_" + key)
    except (KeyError, ValueError, TypeError, pytest.UsageError):
        where = f"the environment variable {variable}" if text else f"the ini key perf_{key}"
        shown = repr(text) if text else "not readable"
        expected = {"flag": "true or false", "int": "a whole number", "float": "a number"}
        raise pytest.UsageError(f"{where} is {shown}: expected {expected[kind]}") from None


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Describe the mark; read the options at once where any is given, so that mistakes show."""
    config.addinivalue_line("markers", MARKER)
    if os.environ.get("PERFMON_WORKER"):
        from pytest_perfmon.plugin.child import become_child  # noqa: PLC0415 - loads on demand

        become_child(config)
    elif any(option(config, name) is not None for name, _, _ in OPTIONS):
        from pytest_perfmon.plugin.options import read_options  # noqa: PLC0415 - loads on demand

        read_options(config)
    if hasattr(config.option, "tx") and config.option.tx and not hasattr(config, "workerinput"):
        _configure_controller(config)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Run the self-test instead of tests where that was asked for; an A/B spreads no tests."""
    if option(config, "against") and getattr(config.option, "tx", None):
        config.option.tx, config.option.dist = [], "no"
    if not option(config, "selftest") or "PERFMON_WORKER" in os.environ:
        return None
    from pytest_perfmon.plugin.selftest import run_selftest  # noqa: PLC0415 - loads on demand

    return run_selftest(config)


def _configure_controller(config: pytest.Config) -> None:
    config.pluginmanager.register(_Relay(config), "perfmon-relay")
    if option(config, "budgets") or option(config, "save-baseline"):
        from pytest_perfmon.plugin.xdist import Controller  # noqa: PLC0415 - loads on demand

        config.pluginmanager.register(Controller(config), "perfmon-controller")


class _Relay:
    """Brings in the rest of the plugin where a worker process reports on a perf test."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, "perfmon"):
            from pytest_perfmon.plugin.session import session_of  # noqa: PLC0415 - as above

            session_of(self._config).pytest_runtest_logreport(report)


def _may_be_perf(item: pytest.Item) -> bool:
    return "perf_monitor" in getattr(item, "fixturenames", ()) or bool(
        item.get_closest_marker("budget")
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Find the perf tests; bring in the rest of the plugin where there are any."""
    candidates = [item for item in items if _may_be_perf(item)]
    if candidates or option(config, "only") or option(config, "against"):
        from pytest_perfmon.plugin.session import session_of  # noqa: PLC0415 - loads on demand

        session_of(config).select(items, candidates)


@pytest.fixture
def perf_monitor(request: pytest.FixtureRequest) -> PerfMonitor:
    """Measure code: `perf_monitor(fn, *args)`, `.measure(name, fn)`, `for _ in .rounds()`."""
    from pytest_perfmon.plugin.session import session_of  # noqa: PLC0415 - loads on demand

    return session_of(request.config).monitor_of(request.node)
