"""The command line as a whole: help, exit codes, colours, pipes, and what its page says."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cli.stored_history import PARSE, QUERY, save_history, steady

from pytest_perfmon.cli import COMMANDS, main, make_parser
from pytest_perfmon.cli.output import RED, Output

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
PROGRAM = "python -m pytest_perfmon "


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


# an output without a buffer fails early, and has nothing left that fails at the end
BUFFERED = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}


def run(*arguments, cwd, **environment):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest_perfmon", *arguments],
        cwd=cwd,
        env={**BUFFERED, **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_by_example(name, capsys):
    """`COMMAND --help` ends with 0 and shows command lines that parse."""
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    examples = [line.strip() for line in shown.splitlines() if PROGRAM in line]
    examples = [line for line in examples if not line.startswith("usage:")]
    assert examples
    for example in examples:
        make_parser().parse_args(words_of(example))


def words_of(command):
    """Give the arguments of a command line of ours, as far as a pipe."""
    words = shlex.split(command.removeprefix(PROGRAM))
    return words[: words.index("|")] if "|" in words else words


def test_help_names_the_commands_and_how_they_end(capsys):
    """`--help` lists every command with its summary, examples, and the exit codes."""
    assert main(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, command in COMMANDS.items():
        assert f"{name} {command.SUMMARY}" in shown
    assert "exit codes: 0 fine, 1 an operation degraded" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["history", "--nonsense"],
        ["history", "--last=0"],
        ["history", "--last=2001"],
        ["show"],
    ],
)
def test_a_bad_command_line_ends_with_4(arguments, capsys):
    """As pytest does, and with the usage on the errors' stream."""
    assert main(arguments) == 4
    said = capsys.readouterr()
    assert said.err.startswith("usage: ")
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--store=nowhere:place"], "--store is 'nowhere:place'"),
        (["--baseline-name=a/b"], "--baseline-name is 'a/b'"),
        (["--store= "], "--store is ' '"),
    ],
)
def test_a_bad_store_is_told_in_our_own_options(arguments, named, capsys):
    """Options are called as they are on this command line, not as pytest's are."""
    assert main(["history", *arguments]) == 4
    said = capsys.readouterr().err
    assert named in said
    assert "--perf-" not in said


def test_a_bad_store_of_a_copy_is_told_by_its_arguments(capsys):
    """`copy` has no option for stores, so none is advised."""
    assert main(["copy", "sqlite:", "there"]) == 4
    said = capsys.readouterr().err
    assert said.startswith("error: SRC or DST is a sqlite URL that names no database")
    assert "--" not in said


def test_ctrl_c_ends_with_2(tmp_path, capsys, monkeypatch):
    """An interrupt ends without a traceback."""

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_perfmon.cli.history.chosen_store", interrupted)
    assert main(["history", f"--store={tmp_path}"]) == 2
    assert capsys.readouterr().err == "interrupted\n"


def test_the_variables_of_pytest_runs_name_store_and_baseline(tmp_path, monkeypatch, capsys):
    """PERFMON_STORE and PERFMON_BASELINE_NAME are what a pytest run would go by."""
    save_history(tmp_path / "here", {PARSE: steady(3)})
    monkeypatch.setenv("PERFMON_STORE", str(tmp_path / "here"))
    assert main(["history"]) == 0
    monkeypatch.setenv("PERFMON_BASELINE_NAME", "other")
    assert main(["history"]) == 4
    assert "'other'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "environment", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(out, environment, coloured):
    """Colours only on a terminal, unless NO_COLOR is set or the terminal is dumb."""
    assert (Output(out, io.StringIO(), environment).styled("a", RED) != "a") is coloured


def test_lines_fit_a_terminal_and_are_whole_in_a_pipe(tmp_path, monkeypatch, capsys):
    """Names are shortened for a terminal alone; both show every row."""
    long = PARSE._replace(operation="a_very_long_name_of_an_operation" * 4)
    save_history(tmp_path, {long: steady(12), QUERY: steady(12)})
    main(["history", f"--store={tmp_path}"])
    assert long.operation in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "90")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    main(["history", f"--store={tmp_path}"])
    lines = terminal.getvalue().splitlines()
    assert max(map(len, re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue()).splitlines())) <= 90
    assert sum("▁" in line or "▂" in line for line in lines) == 2


def test_progress_shows_itself_late_and_leaves_no_trace(monkeypatch):
    """Nothing for half a second; then one line on the errors' terminal, gone before the result."""
    now = [0.0]
    monkeypatch.setattr("pytest_perfmon.cli.output.time.monotonic", lambda: now[0])
    out, err = io.StringIO(), Terminal()
    output = Output(out, err, {})
    output.progress("read 1 run")
    assert err.getvalue() == ""
    now[0] = 0.6
    output.progress("read 2 runs")
    output.progress("read 3 runs")
    assert err.getvalue() == "\rread 2 runs"
    now[0] = 0.8
    output.progress("read 9")
    assert err.getvalue().endswith("\rread 9     ")
    output.line("result")
    assert err.getvalue().endswith("\r      \r")
    assert out.getvalue() == "result\n"


def test_progress_is_for_terminals(monkeypatch):
    """A log file gets no moving line."""
    err = io.StringIO()
    output = Output(io.StringIO(), err, {})
    monkeypatch.setattr("pytest_perfmon.cli.output.time.monotonic", lambda: 1e9)
    output.progress("read 1 run")
    assert err.getvalue() == ""


class TestRealProcesses:
    """What only a process of its own can show."""

    @pytest.fixture
    def place(self, tmp_path):
        """A directory with a store at its usual place."""
        save_history(tmp_path / ".perfmon", {PARSE: steady(30, change=1.3, since=15)})
        return tmp_path

    def test_exit_codes_and_a_plain_pipe(self, place):
        """A degradation ends the process with 1, and a pipe gets no escape sequences."""
        ended = run("history", "--fail-on-degradation", cwd=place)
        assert ended.returncode == 1
        assert b"+3" in ended.stdout
        assert b"\x1b" not in ended.stdout
        assert ended.stderr == b""

    def test_an_output_that_is_ascii_is_no_error(self, place):
        """Where bars cannot be written, something else stands there."""
        ended = run("history", cwd=place, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert b"parse" in ended.stdout

    @pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
    def test_a_reader_who_goes_away_gets_no_traceback(self, place):
        """A closed pipe ends with 2, in silence."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest_perfmon", "history"],
            cwd=place,
            env=BUFFERED,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(30) == 2

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
    def test_a_full_disk_is_one_line(self, place):
        """An output that cannot be written is an error without a traceback."""
        with Path("/dev/full").open("wb") as full:
            ended = subprocess.run(
                [sys.executable, "-m", "pytest_perfmon", "history"],
                cwd=place,
                env=BUFFERED,
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert ended.returncode == 4
        assert ended.stderr.count(b"\n") == 1
        assert b"No space left" in ended.stderr


def test_the_page_names_every_command_and_its_commands_parse():
    """docs/cli.md has a section for each command, and each command line in it can be typed."""
    text = PAGE.read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"\n## `{name}`" in text
    lines = [line.removeprefix("$ ") for line in text.splitlines()]
    commands = [line for line in lines if line.startswith(PROGRAM)]
    assert len(commands) >= len(COMMANDS)
    for command in commands:
        words = words_of(command)
        if words != ["--help"]:
            make_parser().parse_args(words)


def test_the_page_tells_every_option(capsys):
    """Each option of each command stands on the page."""
    option = re.compile(r"(?<![\w-])--(?!benchmark-)[a-z][a-z-]*")
    shown = set(option.findall(PAGE.read_text(encoding="utf-8")))
    for name in COMMANDS:
        main([name, "--help"])
        described = capsys.readouterr().out.partition("examples:")[0]
        assert set(option.findall(described)) - {"--help"} <= shown, name
