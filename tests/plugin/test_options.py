"""Options: command line, environment and ini file, in this order; mistakes end in one line."""

from __future__ import annotations

import json
from fnmatch import fnmatch

import pytest

from pytest_perfmon.plugin import OPTIONS, option
from pytest_perfmon.plugin.options import read_options

SAMPLES = {
    "budgets": True,
    "save-baseline": True,
    "store": "runs",
    "baseline-name": "nightly",
    "max-time": "3s",
    "min-rounds": 30,
    "warmup": "5ms",
    "rounds": 9,
    "alpha": 0.05,
    "min-effect": "4%",
    "max-regression": "10%",
    "against": "main",
    "candidate": "v2",
    "blocks": 7,
    "against-time": "30s",
    "statistic": "p95",
    "pin": "on",
    "setup": "make",
    "python": "python3",
    "selftest": True,
    "explain-threshold": True,
    "strict": True,
    "only": True,
    "skip": True,
    "json": "a.json",
    "html": "a.html",
    "github": True,
    "columns": "mean",
    "sort": "-mean",
    "time-unit": "us",
}
READ_ELSEWHERE = {"selftest"}
"""Options that are no part of `PerfOptions`, as they run no tests."""

ONE = """
    def test_it(perf_monitor, perf_clock):
        perf_monitor(perf_clock.advance, "5ms")
"""


def rounds_made(project, *options):
    """Give how many rounds a measuring run made."""
    project.measure(*options)
    return project.operations()["test_it"]["rounds"]


@pytest.mark.parametrize("name", [name for name, _, _ in OPTIONS])
@pytest.mark.parametrize("place", ["command line", "environment", "ini", "toml ini", "toml native"])
def test_every_option_is_read_from_everywhere(project, monkeypatch, place, name):
    """Wherever it is written, an option has the same value of its own type, and is heeded."""
    key, sample, arguments = name.replace("-", "_"), SAMPLES[name], []
    default = read_options(project.parsed())
    if place == "command line":
        arguments = [f"--perf-{name}" if sample is True else f"--perf-{name}={sample}"]
    elif place == "environment":
        monkeypatch.setenv(f"PERFMON_{key.upper()}", str(sample))
    elif place == "ini":
        (project.path / "pytest.ini").write_text(f"[pytest]\nperf_{key} = {sample}\n")
    else:
        table = "tool.pytest" if place == "toml native" else "tool.pytest.ini_options"
        native = json.dumps(sample if place == "toml native" else str(sample))
        (project.path / "pyproject.toml").write_text(f"[{table}]\nperf_{key} = {native}\n")
    config = project.parsed(*arguments)
    value = option(config, name)
    assert (value, type(value)) == (sample, type(sample))
    assert (read_options(config) != default) is (name not in READ_ELSEWHERE)


@pytest.mark.parametrize("ini", ["pytest.ini", "pyproject.toml", "pyproject.toml native"])
def test_an_ini_key_counts_in_every_kind_of_file(project, ini):
    """`perf_rounds` is read from ini files, from ini-style TOML and from native TOML tables."""
    project.write(ONE)
    name, _, native = ini.partition(" ")
    head = "[pytest]" if name == "pytest.ini" else "[tool.pytest.ini_options]"
    (project.path / name).write_text(f"{'[tool.pytest]' if native else head}\nperf_rounds = 7\n")
    assert rounds_made(project) == 7


def test_the_command_line_beats_the_environment_beats_the_ini_file(project, monkeypatch):
    """What stands closer to the run wins, and the marker wins over all."""
    project.write(ONE)
    (project.path / "pytest.ini").write_text("[pytest]\nperf_rounds = 7\n")
    monkeypatch.setenv("PERFMON_ROUNDS", "8")
    assert rounds_made(project) == 8
    assert rounds_made(project, "--perf-rounds=9") == 9
    project.write(
        ONE.replace(
            "def test", "import pytest\n    @pytest.mark.budget(max=9, rounds=10)\n    def test"
        )
    )
    assert rounds_made(project, "--perf-rounds=9") == 10


@pytest.mark.parametrize("how", ["option", "variable", "ini"])
def test_a_flag_is_switched_on_everywhere(project, monkeypatch, how):
    """`perf_budgets` measures whether it is asked for by option, variable or ini key."""
    project.write(ONE)
    options = ["--perf-budgets"] if how == "option" else []
    if how == "variable":
        monkeypatch.setenv("PERFMON_BUDGETS", "yes")
    if how == "ini":
        (project.path / "pytest.ini").write_text("[pytest]\nperf_budgets = true\n")
    project.run("--perf-rounds=3", *options).stdout.fnmatch_lines(["test_it  *3 *5.00*ms*"])


@pytest.mark.parametrize("name", [name for name, kind, _ in OPTIONS if kind == "flag"])
def test_every_flag_has_a_twin(project, name):
    """`--no-perf-…` exists for each flag and takes back what the ini file says."""
    result = project.run("--help")
    result.stdout.fnmatch_lines([f"*--perf-{name}*", f"*--no-perf-{name}*"])


def test_a_twin_takes_back_what_the_ini_file_says(project):
    """`--no-perf-budgets` makes a plain run of a project that measures by default."""
    project.write(ONE)
    (project.path / "pytest.ini").write_text("[pytest]\nperf_budgets = true\n")
    project.run("--no-perf-budgets").stdout.fnmatch_lines(["1 perf test ran once*"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--perf-max-time=5", "--perf-max-time is '5' (a bare number has no unit here)*"),
        ("--perf-max-time=-5s", "--perf-max-time is '-5s'*"),
        ("--perf-min-rounds=0", "--perf-min-rounds is 0*"),
        ("--perf-rounds=many", "*--perf-rounds*invalid int value: 'many'"),
        ("--perf-warmup=3", "--perf-warmup is '3'*"),
        ("--perf-alpha=2", "--perf-alpha is 2.0*at most 0.2"),
        ("--perf-min-effect=x", "--perf-min-effect is 'x'*"),
        ("--perf-max-regression=-1%", "--perf-max-regression is '-1%'*"),
        ("--perf-baseline-name=../x", "*'../x'*"),
        ("--perf-store=ftp://host/x", "--perf-store is 'ftp://host/x'*scheme*expected*"),
        ("--perf-time-unit=h", "--perf-time-unit is 'h'*ns, us, ms, s"),
        ("--perf-columns=speed", "--perf-columns*'speed'*"),
        ("--perf-sort=speed", "--perf-sort*'speed'*"),
        ("--perf-statistic=mode", "--perf-statistic is 'mode'*location, p95, cpu, memory"),
        ("--perf-pin=hard", "--perf-pin is 'hard'*auto, on, off"),
    ],
)
def test_a_bad_value_ends_in_one_line(project, option, said):
    """Exit code 4 and a line that names option, value and what is allowed; no traceback."""
    project.write(ONE)
    result = project.run("--perf-budgets", option)
    assert result.ret == 4
    lines = result.stderr.lines + result.stdout.lines
    assert any(fnmatch(line.removeprefix("ERROR: "), said) for line in lines)
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_bad_values_in_the_environment_and_the_ini_file_are_named(project, monkeypatch):
    """The message says which variable or key it was."""
    project.write(ONE)
    monkeypatch.setenv("PERFMON_ALPHA", "small")
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*environment variable PERFMON_ALPHA is 'small'*a number*"])
    monkeypatch.delenv("PERFMON_ALPHA")
    (project.path / "pytest.ini").write_text("[pytest]\nperf_budgets = maybe\n")
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*the ini key perf_budgets*true or false*"])


def test_only_and_skip_select(project):
    """`--perf-only` leaves the other tests out, `--perf-skip` the perf tests; not both at once."""
    project.write(ONE + "\n    def test_other(): pass\n")
    project.run("--perf-only").assert_outcomes(passed=1, deselected=1)
    project.run("--perf-skip").assert_outcomes(passed=1, deselected=1)
    assert project.run("--perf-skip", "--perf-only").ret == 4


def test_only_in_a_suite_without_perf_tests_runs_nothing(project):
    """Where there is no perf test, `--perf-only` deselects everything."""
    project.write("def test_other(): pass")
    project.run("--perf-only").assert_outcomes(deselected=1)


def test_collecting_alone_measures_nothing(project):
    """`--collect-only` opens no store and measures nothing, in every mode."""
    project.write(ONE)
    for mode in ("--perf-budgets", "--perf-save-baseline", "--perf-against=nowhere"):
        result = project.run("--collect-only", mode)
        assert result.ret == 0
        assert not (project.path / ".perfmon").exists()
