"""What web middleware costs a real server: bare against ours and others, interleaved, by wrk.

    python benchmarks/web_overhead.py [--quick] [--json PATH] [--environment DIR]

Each case is a server of its own with one worker: uvicorn with an application of Starlette, and
gunicorn with one of Flask. All are up at once; wrk loads one at a time for a short while, all of
them in every round, in an order that is drawn anew. A case is compared with the bare server of the
same round: the share of its throughput that is lost, and the microseconds that a request takes
longer. The figures are medians over the rounds. 15 rounds take about four minutes.

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
from typing import Any, Final

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
US_PER_S: Final = 1e6
PATH: Final = "/items/7"

Rates = dict[str, list[float]]


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
        script = "import sys, uvicorn; uvicorn.run(sys.argv[1], factory=True, fd=int(sys.argv[2]),"
        script += " log_level='critical', access_log=False)"
        return [python, "-c", script, f"web_apps:asgi_{factory_of(case)}", number]
    application = f"web_apps:wsgi_{factory_of(case)}()"
    options = ["--threads=1", "--worker-class=gthread", "--keep-alive=60", "--log-level=critical"]
    return [python, "-m", "gunicorn", application, "--bind", f"fd://{number}", *options]


def factory_of(case: str) -> str:
    """Give the end of the name that a case's application has in `workloads/web_apps.py`."""
    return case.replace("-", "_")


@contextlib.contextmanager
def served(python: str, server: str, case: str, cpus: set[int] | None) -> Iterator[str]:
    """Serve one case; gives its address once it answers."""
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
        yield url
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


def load(url: str, seconds: float, cpus: set[int] | None) -> float:
    """Load a server by wrk; gives the requests it answered in a second.

    wrk counts whole seconds, so that `seconds` is at least 1.
    """
    wrk = ["wrk", "--threads=1", "--connections=16", f"--duration={seconds:.0f}s", url]
    pinning = [] if cpus is None else ["taskset", "--cpu-list", ",".join(map(str, cpus))]
    done = subprocess.run([*pinning, *wrk], capture_output=True, check=True, text=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"requests failed:\n{done.stdout}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if found is None:
        raise SystemExit(f"wrk said no rate:\n{done.stdout}")
    return float(found[1])


def two_sides() -> tuple[set[int] | None, set[int] | None]:
    """Give the CPUs of the servers and of the load; None twice where they have to share."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) == 1 or shutil.which("taskset") is None:
        return None, None
    return {mine[0]}, {mine[1]}


def measure(python: str, cases: dict[str, Sequence[str]], rounds: int, seconds: float) -> Rates:
    """Let all cases take turns; requests in a second, by case and round."""
    serving, loading = two_sides()
    rates: Rates = {}
    with contextlib.ExitStack() as stack:
        urls = {
            f"{server} {case}": stack.enter_context(served(python, server, case, serving))
            for server, names in cases.items()
            for case in names
        }
        for url in urls.values():
            load(url, 1, loading)
        order = list(urls)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            random.shuffle(order)
            for name in order:
                rates.setdefault(name, []).append(load(urls[name], seconds, loading))
    return {name: rates[name] for name in urls}


def figures_of(rates: Rates) -> dict[str, dict[str, Any]]:
    """Compare every case with the bare server of the same round."""
    figures = {}
    for name, values in rates.items():
        bare = rates[f"{name.split()[0]} bare"]
        pairs = list(zip(values, bare, strict=True))
        lost = [1 - value / plain for value, plain in pairs]
        longer = [US_PER_S / value - US_PER_S / plain for value, plain in pairs]
        figures[name] = {
            "requests_per_second": round(median(values)),
            "lost_share": round(median(lost), 4),
            "us_per_request": round(median(longer), 2),
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
    rounds, seconds = (1, 1.0) if options.quick else (15, 2.0)
    if options.quick:
        rates = measure(sys.executable, QUICK_CASES, rounds, seconds)
    else:
        rates = measure(environment_python(options.environment), CASES, rounds, seconds)

    figures = figures_of(rates)
    print(f"{'case':<44}{'requests/s':>11}{'lost':>8}{'us':>9}{'middle half':>20}{'target':>8}")
    for name, one in figures.items():
        low, high = one["quartiles_us"]
        print(
            f"{name:<44}{one['requests_per_second']:>11}{one['lost_share']:>8.1%}"
            f"{one['us_per_request']:>9.1f}{f'{low:.1f} - {high:.1f}':>20}"
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
        "raw_requests_per_second": rates,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
