"""Processes that save runs to an SQL store at once, or upgrade one, and are killed meanwhile.

    python sql_savers.py crowd URL SAVERS DEATHS   saves in so many processes, kills some
    python sql_savers.py upgrade URL STEPS         upgrades tables of version 0 in so many steps

The first prints the number of each run whose saving was acknowledged, one a line; the second a
line for each step that was taken, after which it waits for a moment.
"""

from __future__ import annotations

import functools
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Connection
from storage.stored_runs import make_run

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.storage.base import open_store
from pytest_perfmon.storage.sql import place, upgrade

KEYS = [Key(f"tests/test_many.py::test_one[{number}]", "call") for number in range(20)]
RUNS_EACH = 4
RUNS_NUMBERED = 10_000
LONGEST_BETWEEN_DEATHS_S = 0.1
STEP_S = 0.02


def save_runs(url: str, first: int, count: int, out: int) -> None:
    """Save runs of twenty operations and acknowledge each after it is saved."""
    store = open_store(url, Path.cwd())
    for number in range(first, first + count):
        store.save(make_run(number, keys=KEYS))
        os.write(out, b"%d\n" % number)


def crowd(url: str, savers: int, deaths: int) -> None:
    """Fork savers; once one has saved, kill those that save for ever; await the others."""
    chance = random.Random(2026)
    reading, writing = os.pipe()
    children = []
    for saver in range(savers):
        child = os.fork()
        if not child:
            count = RUNS_NUMBERED if saver < deaths else RUNS_EACH
            save_runs(url, saver * RUNS_NUMBERED, count, writing)
            os._exit(0)
        children.append(child)
    os.close(writing)
    with os.fdopen(reading) as acknowledged:
        first = acknowledged.readline()
        for child in children[:deaths]:
            time.sleep(chance.uniform(0, LONGEST_BETWEEN_DEATHS_S))
            os.kill(child, signal.SIGKILL)
        sys.stdout.writelines([first, *acknowledged])
    ended = [os.waitpid(child, 0)[1] for child in children]
    assert ended == [signal.SIGKILL] * deaths + [0] * (savers - deaths), ended


def make_older(connection: Connection) -> None:
    """Turn tables of version 1 into the older ones of a made-up version 0.

    It called the branch by another name, and did not keep the control's readings.
    """
    connection.exec_driver_sql("ALTER TABLE perfmon_runs RENAME COLUMN branch TO line")
    connection.exec_driver_sql("ALTER TABLE perfmon_values DROP COLUMN control_ns")
    connection.exec_driver_sql("UPDATE perfmon_schema SET version = 0")


def upgrade_older(connection: Connection, steps: int = 0) -> None:
    """Turn those of version 0 into those of version 1, saying how far it has come."""
    connection.exec_driver_sql("ALTER TABLE perfmon_runs RENAME COLUMN line TO branch")
    for step in range(steps):
        connection.exec_driver_sql("UPDATE perfmon_values SET median = median + 1")
        os.write(sys.stdout.fileno(), b"%d\n" % step)
        time.sleep(STEP_S)
    connection.exec_driver_sql(f"UPDATE perfmon_values SET median = median - {steps}")
    connection.exec_driver_sql(
        "ALTER TABLE perfmon_values ADD COLUMN control_ns DOUBLE PRECISION NOT NULL DEFAULT 0"
    )


if __name__ == "__main__":
    if sys.argv[1] == "crowd":
        crowd(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        slow = functools.partial(upgrade_older, steps=int(sys.argv[3]))
        place.bring_up = functools.partial(upgrade.bring_up, upgrades={0: slow})
        list(open_store(sys.argv[2], Path.cwd()).runs())
