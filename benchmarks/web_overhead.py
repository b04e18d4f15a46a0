"""What web middleware costs a real server: bare against ours and others, interleaved, by wrk.

    python benchmarks/web_overhead.py [--quick] [--json PATH] [--environment DIR]

Each case is a server of its own with one worker: uvicorn with an application of Starlette, and
gunicorn with one of Flask. All are up at once; wrk loads one at a time for a short while, all of
them in every round, in an order that is drawn anew. A case is compared with the bare server of the
same round: the share of its throughput that is lost, and the microseconds of CPU time that its
process takes longer for a request, which Linux counts to the nanosecond and which hardly depends on
what else the machine does. The figures are medians over the rounds. 30 rounds take about five
minutes.

Server and load have a CPU each where there are two. The servers and the other libraries live in an
environment that is made on first use, in the user's cache.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent
REQUIREMENTS: Final = (
    "flask",
    "gunicorn",
    "httptools",
    "opentelemetry-instrumentation-asgi",
    "opentelemetry-instrumentation-wsgi",
    "opentelemetry-sdk",
    "prometheus-fastapi-instrumentator",
    "starlette",
    "uvicorn",
    "uvloop",
)
CASES: Final[dict[str, Sequence[str]]] = {
    "uvicorn": ("bare", "perfmon", "prometheus-fastapi-instrumentator", "opentelemetry"),
    "gunicorn": ("bare", "perfmon", "opentelemetry"),
}
QUICK_CASES: Final[dict[str, Sequence[str]]] = dict.fromkeys(CASES, ("bare", "perfmon"))
TARGET_US: Final = {"uvicorn perfmon": 3.0}
UP_S: Final = 30
NS_PER_US: Final = 1_000
PATH: Final = "/items/7"
# Its own `fd=` takes every socket for one of Unix: answers would wait for acknowledgements (Nagle).
UVICORN: Final = """
import socket, sys, uvicorn
config = uvicorn.Config(sys.argv[1], factory=True, log_level="critical", access_log=False)
uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[2]))])
"""


class Load(NamedTuple):
    """What a server did while it was loaded."""

    requests_per_second: float
    cpu_us: float  # of CPU time, for a request


Loads = dict[str, list[Load]]


def environment_python(home: Path) -> str:
    """Make the environment of the servers, unless it is there; gives its interpreter."""
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        print(f"making {home}", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *REQUIREMENTS], check=True)
        (home / "complete").touch()
    return str(python)


def command(python: str, server: str, case: str, listener: socket.socket) -> list[str]:
    """Spell the command that serves one case from a socket that listens already."""
    number = str(listener.fileno())
    if server == "uvicorn":
        return [python, "-c", UVICORN, f"web_apps:asgi_{factory_of(case)}", number]
    application = f"web_apps:wsgi_{factory_of(case)}()"
    options = ["--threads=1", "--worker-class=gthread", "--keep-alive=60", "--log-level=critical"]
    return [python, "-m", "gunicorn", application, "--bind", f"fd://{number}", *options]


def factory_of(case: str) -> str:
    """Give the end of the name that a case's application has in `workloads/web_apps.py`."""
    return case.replace("-", "_")


@contextlib.contextmanager
def served(python: str, server: str, case: str, cpus: set[int] | None) -> Iterator[tuple[str, int]]:
    """Serve one case; gives its address and process once it answers."""
    places = [str(HERE / "workloads"), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
        process = subprocess.Popen(
            command(python, server, case, listener),
            env=environment,
            pass_fds=[listener.fileno()],
        )
    try:
        if cpus is not None:
            os.sched_setaffinity(process.pid, cpus)
        answer_of(url, process)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def answer_of(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for a server's first answer."""
    end = time.monotonic() + UP_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=UP_S) as answer:
                if answer.read() == b"item 7":
                    return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{process.args!r} does not answer")
        time.sleep(0.05)


def load(url: str, pid: int, seconds: float, cpus: set[int] | None) -> Load:
    """Load a server by wrk; gives what it did.

    wrk counts whole seconds, so that `seconds` is at least 1.
    """
    wrk = ["wrk", "--threads=1", "--connections=16", f"--duration={seconds:.0f}s", url]
    pinning = [] if cpus is None else ["taskset", "--cpu-list", ",".join(map(str, cpus))]
    before = cpu_ns(pid)
    done = subprocess.run([*pinning, *wrk], capture_output=True, check=True, text=True)
    taken = cpu_ns(pid) - before
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"requests failed:\n{done.stdout}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    requests = re.search(r"(\d+) requests in", done.stdout)
    if rate is None or requests is None:
        raise SystemExit(f"wrk said no rate:\n{done.stdout}")
    return Load(float(rate[1]), round(taken / NS_PER_US / int(requests[1]), 3))


def cpu_ns(pid: int) -> int:
    """Give the CPU time that a process, its threads and its children have taken so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
        total += sum(cpu_ns(int(child)) for child in (task / "children").read_text().split())
    return total


def two_sides() -> tuple[set[int] | None, set[int] | None]:
    """Give the CPUs of the servers and of the load; None twice where they have to share."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) == 1 or shutil.which("taskset") is None:
        return None, None
    return {mine[0]}, {mine[1]}


def measure(python: str, cases: dict[str, Sequence[str]], rounds: int, seconds: float) -> Loads:
    """Let all cases take turns; what each did, by case and round."""
    serving, loading = two_sides()
    loads: Loads = {}
    with contextlib.ExitStack() as stack:
        servers = {
            f"{server} {case}": stack.enter_context(served(python, server, case, serving))
            for server, names in cases.items()
            for case in names
        }
        for url, pid in servers.values():
            load(url, pid, 1, loading)
        order = list(servers)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            random.shuffle(order)
            for name in order:
                loads.setdefault(name, []).append(load(*servers[name], seconds, loading))
    return {name: loads[name] for name in servers}


def figures_of(loads: Loads) -> dict[str, dict[str, Any]]:
    """Compare every case with the bare server of the same round."""
    figures = {}
    for name, own in loads.items():
        pairs = list(zip(own, loads[f"{name.split()[0]} bare"], strict=True))
        longer = [one.cpu_us - bare.cpu_us for one, bare in pairs]
        lost = [1 - one.requests_per_second / bare.requests_per_second for one, bare in pairs]
        figures[name] = {
            "requests_per_second": round(median(one.requests_per_second for one in own)),
            "lost_share": round(median(lost), 4),
            "cpu_us_per_request": round(median(one.cpu_us for one in own), 1),
            "added_cpu_us": round(median(longer), 2),
            "quartiles_us": quartiles(longer),
            "target_us": TARGET_US.get(name),
        }
    return figures


def quartiles(values: list[float]) -> list[float]:
    """Give the ends of the middle half."""
    if len(values) == 1:
        return [round(values[0], 2)] * 2
    low, _, high = quantiles(values, n=4)
    return [round(low, 2), round(high, 2)]


def main() -> None:
    """Measure, show, and keep the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round, ours alone, in this interpreter",
    )
    parser.add_argument("--json", type=Path, default=HERE / "results" / "web_overhead.json")
    parser.add_argument(
        "--environment", type=Path, default=Path.home() / ".cache" / "pytest-perfmon" / "web"
    )
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not installed: it makes the load")
    rounds, seconds = (1, 1.0) if options.quick else (30, 1.0)
    if options.quick:
        loads = measure(sys.executable, QUICK_CASES, rounds, seconds)
    else:
        loads = measure(environment_python(options.environment), CASES, rounds, seconds)

    figures = figures_of(loads)
    print(
        f"{'case':<44}{'requests/s':>11}{'lost':>8}{'added us':>9}{'middle half':>16}{'target':>8}"
    )
    for name, one in figures.items():
        low, high = one["quartiles_us"]
        print(
            f"{name:<44}{one['requests_per_second']:>11}{one['lost_share']:>8.1%}"
            f"{one['added_cpu_us']:>9.1f}{f'{low:.1f} - {high:.1f}':>16}"
            f"{one['target_us'] or '':>8}"
        )
    result = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "cpus": os.cpu_count(),
        "rounds": rounds,
        "seconds_each": seconds,
        "figures": figures,
        "raw": loads,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
