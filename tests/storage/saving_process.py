"""Processes that save runs in a loop, to be killed or to get in each other's way.

    python saving_process.py kill DIRECTORY DEATHS     kills a saving child so many times
    python saving_process.py save DIRECTORY FIRST N    saves N runs, numbered from FIRST

Prints the number of each run whose saving was acknowledged, one a line.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from storage.stored_runs import make_run

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.storage.directory import DirectoryStore

KEYS = [Key(f"tests/test_many.py::test_one[{number}]", "call") for number in range(50)]
RUNS_PER_LIFE = 1000
LONGEST_LIFE_S = 0.03


def save_runs(directory: str, first: int, count: int, out: int) -> None:
    """Save runs of fifty operations and acknowledge each after it is saved."""
    store = DirectoryStore(Path(directory))
    for number in range(first, first + count):
        store.save(make_run(number, keys=KEYS))
        os.write(out, b"%d\n" % number)


def kill_savers(directory: str, deaths: int) -> None:
    """Fork a saving child, kill it at a random moment of its saving, again and again."""
    chance = random.Random(2026)
    for life in range(deaths):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            os.write(writing, b"0\n")
            save_runs(directory, 1 + life * RUNS_PER_LIFE, RUNS_PER_LIFE, writing)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as acknowledged:
            acknowledged.readline()
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            sys.stdout.writelines(line.decode() for line in acknowledged if line.endswith(b"\n"))


if __name__ == "__main__":
    if sys.argv[1] == "kill":
        kill_savers(sys.argv[2], int(sys.argv[3]))
    else:
        save_runs(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.stdout.fileno())
