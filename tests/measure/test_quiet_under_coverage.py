"""A run under coverage loses no line outside the timed part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_perfmon

_ROOT = Path(pytest_perfmon.__file__).parents[1]

_PROGRAM = """
import asyncio
import sys
from pytest_perfmon.measure.loop import RoundLoop
from pytest_perfmon.measure.plan import Plan
from pytest_perfmon.measure.rounds import Task, measure_awaitables, measure_calls
from pytest_perfmon.testing import FakeClock, ScriptedCall

clock = FakeClock()
script = ScriptedCall(clock, ["5ms"])


def task(call):
    return Task(
        "work", call, clock=clock, plan=Plan(rounds=5), decided=lambda _: True, args=([],)
    )


def loop():
    return RoundLoop(clock, Plan(rounds=5), begin_round=lambda _: None, end_round=lambda *_: True)


def work(state):
    state.append(1)
    if len(state) > 1:
        state.append(2)  # timed
    script()


def after(value):
    result = value + 1
    return result


def by_call():
    measure_calls(task(work))
    result = after(1)
    return result


def by_loop():
    turns = 0
    for _ in loop():
        turns += 1
        script()
        if turns > 1:
            turns += 1  # timed
    result = after(2)
    return result


def by_break():
    turns = 0
    for _ in loop():
        turns += 1
        if turns > 3:
            break  # timed
    result = after(3)
    return result


def by_error():
    turns = 0
    try:
        for _ in loop():
            turns += 1
            if turns > 3:
                raise ValueError  # timed
    except ValueError:
        pass
    result = after(4)
    return result


async def await_work(state):
    await asyncio.sleep(0)
    work(state)


async def by_await():
    await measure_awaitables(task(await_work))
    result = after(5)
    return result


async def by_async_loop():
    turns = 0
    async for _ in loop():
        await asyncio.sleep(0)
        turns += 1
        if turns > 1:
            turns += 1  # timed
    result = after(6)
    return result


def main():
    found = sys.gettrace()
    by_call()
    by_loop()
    by_break()
    by_error()
    asyncio.run(by_await())
    asyncio.run(by_async_loop())
    assert sys.gettrace() is found
    result = after(7)
    return result


main()
done = True
"""


@pytest.mark.slow
@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
def test_coverage_misses_nothing_but_what_only_timed_rounds_do(core, tmp_path):
    """Coverage's two fast cores see the body once, and every line around the measurement."""
    if core == "sysmon" and sys.version_info < (3, 12):
        pytest.skip("sys.monitoring came with Python 3.12")
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")
    }
    environment |= {"COVERAGE_CORE": core, "PYTHONPATH": str(_ROOT)}
    for arguments in (["run", "--source=.", "program.py"], ["json", "-q", "-o", "seen.json"]):
        subprocess.run(
            [sys.executable, "-m", "coverage", *arguments],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
        )
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    lines = _PROGRAM.splitlines()
    missing = {lines[number - 1].strip() for number in seen["files"]["program.py"]["missing_lines"]}
    assert missing == {line.strip() for line in lines if line.endswith("# timed")}
