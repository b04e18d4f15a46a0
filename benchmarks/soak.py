"""A monitored server under full load, beside a bare one, while its exporters' backend dies.

wrk keeps two real uvicorns busy at the same time, which differ in the monitor alone. Each request
tracks ten of 5,000 operations, more than the monitor tells apart. All the while an OpenTelemetry
and a Pushgateway exporter send to a collector in a process of its own, which is killed at 45 % of
the time and started again at 60 %, and JSON lines go to a file. Afterwards every count is compared
with what the application counted by itself, and the growth of both servers' memory is told.

Memory that is bounded may still fill slowly. Here it is full from the start, so that what grows
later would be a leak: each operation begins with a call of every order of magnitude that the load
will bring, since a histogram takes up 0.6 KB with the first call of each octave, and the monitor
keeps as many raw durations of each as that makes.

    python benchmarks/soak.py [--minutes M | --quick] [--output FILE]

Needs wrk, Linux, and the extras `prometheus` and `otel`.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from soak_processes import NAMES, NAMES_A_REQUEST, REQUEST

RESULT = Path(__file__).parent / "results" / "soak.json"
PROCESSES = Path(__file__).parent / "soak_processes.py"
MAX_OPERATIONS = 2000
QUICK_MAX_OPERATIONS = 200
CONNECTIONS = 16
MINUTES = 10.0
QUICK_SECONDS = 4.0
KILLED_AT, RESTARTED_AT = 0.45, 0.6
READINGS = 600
SHORTEST_FOR_MEMORY_S = 180.0
LEAK_SHARE = 0.05
WAIT_S = 30.0

LOAD = f"""
local number = 0
request = function()
  number = (number + 7919) % {NAMES // NAMES_A_REQUEST}
  return wrk.format("GET", "/work/" .. number)
end
done = function(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{{"requests": %d, "failed": %d}}', summary.requests, failed))
end
"""

Readings = list[tuple[float, float]]
"""Seconds since the load began, and the MB that a server had in RAM then."""


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(*command: object, output: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a command up to the end of the block at most."""
    process = subprocess.Popen([str(word) for word in command], stdout=output, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def started(role: str, port: int, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run one of the soak's processes, which listens on the port by now."""
    with running(sys.executable, PROCESSES, role, port, *arguments) as process:
        deadline = time.monotonic() + WAIT_S
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{role} did not start")
            time.sleep(0.02)
        yield process


def answers(port: int) -> bool:
    """Say whether somebody listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def loaded(port: int, seconds: float, script: Path) -> Iterator[subprocess.Popen[str]]:
    """Keep a server busy for so long."""
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{round(seconds)}s", "--timeout=30s"]
    wrk += [f"-s{script}", f"http://127.0.0.1:{port}"]
    with running(*wrk, output=subprocess.PIPE) as load:
        yield load


def resident_mb(pid: int) -> float:
    """Read the memory that a process has in RAM, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1000  # type: ignore[index]


def newest(port: int) -> dict[str, int]:
    """Ask the collector what its newest exports held."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=WAIT_S) as answer:
        told: dict[str, int] = json.load(answer)
        return told


def soak(seconds: float, interval: str, cap: int) -> dict[str, Any]:
    """Keep both servers busy for so long, and give what came of it."""
    bare_port, port, collector = free_port(), free_port(), free_port()
    readings: dict[str, Readings] = {"bare": [], "monitored": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "load.lua"
        script.write_text(LOAD, encoding="ascii")
        to = (cap, f"http://127.0.0.1:{collector}", folder, interval)
        with (
            started("bare", bare_port) as bare,
            started("monitored", port, *to) as server,
            loaded(bare_port, seconds, script) as bare_load,
            loaded(port, seconds, script) as load,
        ):
            start = time.monotonic()

            def watch(share: float) -> None:
                while (now := time.monotonic() - start) < share * seconds:
                    readings["bare"].append((now, resident_mb(bare.pid)))
                    readings["monitored"].append((now, resident_mb(server.pid)))
                    time.sleep(seconds / READINGS)

            with started("collect", collector):
                watch(KILLED_AT)
                before = newest(collector)
            watch(RESTARTED_AT)
            with started("collect", collector):
                watch(1.0)
                said = {
                    "bare": bare_load.communicate()[0],
                    "monitored": load.communicate()[0],
                }
                server.send_signal(signal.SIGTERM)
                server.wait(WAIT_S)
                after = newest(collector)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        lines = (folder / "lines.json").read_text(encoding="utf-8").splitlines()
    written = sum(json.loads(line)["count"] for line in lines)
    return {
        "seconds": seconds,
        "servers": {
            name: {**json.loads(words.splitlines()[-1]), **memory(readings[name], seconds)}
            for name, words in said.items()
        },
        **compared(report, {**after, "JSON lines": written}),
        "exported_before_the_death": before,
        "killed_at_s": KILLED_AT * seconds,
        "restarted_at_s": RESTARTED_AT * seconds,
    }


def compared(report: dict[str, Any], exported: dict[str, int]) -> dict[str, Any]:
    """Hold the monitor's and the exporters' counts against the application's own."""
    handled, counted = report["handled"], report["counted"]
    requests = counted.pop(REQUEST)
    other = counted.pop("__other__", 0)
    beyond = sum(count for name, count in handled.items() if name not in counted)
    calls = sum(handled.values())
    everything = calls + report["requests"]
    return {
        "names_offered": len(handled),
        "names_told_apart": len(counted) + 1,
        "calls": calls,
        "requests_handled": report["requests"],
        "requests_counted": requests,
        "names_counted_wrong": sum(handled[name] != count for name, count in counted.items()),
        "counted_as_other": other,
        "beyond_the_cap": beyond,
        "exporters": {
            name: {**counts, "calls_missing": everything - exported.get(name, 0)}
            for name, counts in report["exporters"].items()
        },
    }


def memory(readings: Readings, seconds: float) -> dict[str, Any]:
    """Tell how much memory a server had, and how much more at the end than after a minute.

    Nothing where the load was too short for that: figures of the second and the last minute are
    medians, and what a minute's exports need for a moment is in none of them.
    """
    if seconds < SHORTEST_FOR_MEMORY_S:
        return {}

    def median(since: float, until: float) -> float:
        return statistics.median(mb for at, mb in readings if since <= at < until)

    early, late = median(60, 120), median(seconds - 60, seconds)
    return {
        "second_minute_mb": round(early, 2),
        "last_minute_mb": round(late, 2),
        "growth_mb": round(late - early, 2),
        "resident_mb": [round(mb, 1) for _, mb in readings[:: max(1, len(readings) // 60)]],
    }


def holds(result: dict[str, Any]) -> list[str]:
    """Give what was promised and did not hold."""
    broken = []
    monitored = result["servers"]["monitored"]
    if monitored["failed"]:
        broken.append(f"{monitored['failed']} requests failed")
    if result["requests_counted"] != result["requests_handled"] or result["names_counted_wrong"]:
        broken.append("the monitor's counts are not those of the application")
    if result["counted_as_other"] != result["beyond_the_cap"]:
        broken.append("names beyond the cap are not all counted together")
    broken += [
        f"{name} misses {counts['calls_missing']} calls"
        for name, counts in result["exporters"].items()
        if counts["calls_missing"]
    ]
    if monitored.get("growth_mb", 0) > LEAK_SHARE * monitored.get("second_minute_mb", 0):
        broken.append(f"memory grew by {monitored['growth_mb']} MB after the first minute")
    return broken


def main() -> int:
    """Soak, keep the result, and fail where a promise did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS:g} seconds")
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    seconds = QUICK_SECONDS if arguments.quick else 60 * arguments.minutes
    result = {"python": platform.python_version(), "quick": arguments.quick}
    if arguments.quick:
        result |= soak(seconds, "200ms", QUICK_MAX_OPERATIONS)
    else:
        result |= soak(seconds, "5s", MAX_OPERATIONS)
    result["broken"] = holds(result)
    text = json.dumps(result, indent=1)
    arguments.output.write_text(f"{text}\n", encoding="utf-8")
    print(text)
    return bool(result["broken"])


if __name__ == "__main__":
    sys.exit(main())
