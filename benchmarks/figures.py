"""Write docs/figures.md from the newest results of all benchmark scripts.

python benchmarks/figures.py
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from baseline_study_table import markdown as baseline_markdown
from error_rates_table import markdown

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "figures.md"
NS_PER_US = 1000


def results(name: str) -> dict[str, Any]:
    """Read one script's results."""
    data: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def table(head: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> list[str]:
    """Give the lines of a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines]


def overhead() -> Iterator[str]:
    """Tell what counting a call costs."""
    data = results("overhead")
    yield f"## What the monitor costs a call (Python {data['python']})"
    yield ""
    yield "Multiples of one pair of clock readings in the same process: `benchmarks/overhead.py`."
    yield ""
    rows = (
        (
            name,
            f"{one['median_ns']:.0f}",
            f"{one['median_ratio']:.2f}",
            one["target_ratio"] or "",
        )
        for name, one in data["figures"].items()
    )
    yield from table(("case", "ns", "x clock pair", "target"), rows)


def start_up() -> Iterator[str]:
    """Tell what the plugin costs a run without perf tests."""
    data = results("startup")
    yield "## What the plugin costs a run without perf tests"
    yield ""
    yield (
        f"{data['median_wall_difference_ms']:+.1f} ms, the median of {data['pairs']} pairs of runs"
        f" with and without it (target: at most {data['target_ms']:g} ms):"
        " `benchmarks/startup.py`."
    )


def store() -> Iterator[str]:
    """Tell what saving, judging and reading cost."""
    data = results("store")
    yield "## What the stores cost"
    yield ""
    yield (
        f"{data['runs']:,} stored runs of {data['operations']:,} operations. Judging is that of a"
        f" new run against the newest {data['window']} values of each, loading them included;"
        " history is all values of one operation. Targets in brackets: `benchmarks/store.py`."
    )
    yield ""
    steps = "save", "load", "judge", "history"
    rows = (
        (
            kind,
            f"{one['bytes'] / 1e6:,.0f}",
            *(
                f"{one['median_wall_ms'][step]:,.0f}"
                + (f" ({targets[step]:.0f})" if step in targets else "")
                for step in steps
            ),
        )
        for kind, one in data["stores"].items()
        for targets in [data["targets_ms"][kind]]
    )
    yield from table(("store", "MB", *(f"{step}, ms" for step in steps)), rows)


def foreign_suite() -> Iterator[str]:
    """Tell how a suite that nobody here wrote fares, and timeit beside it."""
    data = results("foreign_suite")
    rows = data["beside_timeit"]
    yield f"## A suite that nobody here wrote: {data['suite']}"
    yield ""
    yield (
        f"{data['plain']['passed']} benchmarks pass in a plain run, are saved three times and then"
        f" judged ({', '.join(f'{n} {o}' for o, n in data['compared']['outcomes'].items())});"
        " timeit ran before and after each in the same process: `benchmarks/foreign_suite.py`."
        " The interval is of this process's median alone, so a machine that drifts in seconds"
        " leaves it."
    )
    yield ""
    lines = (
        (
            one["nodeid"].rpartition("::")[2],
            f"{one['before_ns'] / NS_PER_US:,.1f}",
            f"{one['after_ns'] / NS_PER_US:,.1f}",
            f"{one['median_ns'] / NS_PER_US:,.1f}",
            f"{one['low_ns'] / NS_PER_US:,.1f} - {one['high_ns'] / NS_PER_US:,.1f}",
        )
        for one in rows
    )
    head = ("us", "timeit before", "timeit after", "median", "95 % interval")
    yield from table(head, lines)


def soak() -> Iterator[str]:
    """Tell what a server under load keeps, loses and needs."""
    data = results("soak")
    yield f"## A soak of {data['seconds'] / 60:g} minutes"
    yield ""
    yield (
        "Two real uvicorns at the same time, one without and one with monitor, middleware and"
        f" exporters. Counted are {data['requests_counted']:,} of {data['requests_handled']:,}"
        f" requests and {data['calls']:,} calls of {data['names_offered']:,} operations;"
        f" {data['names_counted_wrong']} of {data['names_told_apart']:,} operations are counted"
        f" wrong, and of {data['beyond_the_cap']:,} calls beyond the cap"
        f" {data['counted_as_other']:,} are counted together: `benchmarks/soak.py`."
    )
    yield ""
    servers = (
        (
            name,
            f"{one['requests']:,}",
            one["failed"],
            f"{one['second_minute_mb']:.1f}",
            f"{one['last_minute_mb']:.1f}",
            f"{one['growth_mb']:+z.1f}",
            f"{one['growth_mb'] / one['second_minute_mb']:+z.1%}",
        )
        for name, one in data["servers"].items()
    )
    head: tuple[str, ...] = ("server", "requests", "failed", "MB in the second minute")
    yield from table((*head, "in the last", "growth", "share"), servers)
    yield ""
    yield (
        f"The collector was dead from second {data['killed_at_s']:.0f} to"
        f" {data['restarted_at_s']:.0f}; the file of the JSON lines was always there."
    )
    yield ""
    rows = (
        (name, one["sent"], one["given_up"], one["dropped"], one["calls_missing"])
        for name, one in data["exporters"].items()
    )
    head = ("exporter", "points sent", "given up", "dropped", "calls missing at the end")
    yield from table(head, rows)


def real_releases() -> Iterator[str]:
    """Tell what comparisons of a real library's releases said, and timeit beside them."""
    data = results("real_releases")
    yield f"## Releases of a real library: {data['library']}"
    yield ""
    yield (
        f"timeit in fresh processes, {data['rounds']} of each release in turn, says by how much a"
        " pair differs; the comparison is then made between two commits of a git repository and"
        " between two releases that pip installs: `benchmarks/real_releases.py`."
    )
    yield ""
    head = ("releases", "timeit", "by", "verdicts", "effect", "interval holds it", "blocks", "s")
    truths = {(one["old"], one["new"]): one for one in data["truths"]}
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for run in data["runs"]:
        groups.setdefault((run["old"], run["new"], run["route"]), []).append(run)
    rows = (
        (
            f"{old} to {new}",
            "{change:+.1%} [{low:+.1%}, {high:+.1%}]".format(**truths[old, new]),
            route,
            changes(runs),
            ", ".join("none" if run["effect"] is None else f"{run['effect']:+.1%}" for run in runs),
            f"{sum(run['covers'] for run in runs)} of {len(runs)}",
            ", ".join(str(run["blocks"]) for run in runs),
            f"{median(run['seconds'] for run in runs):.1f}",
        )
        for (old, new, route), runs in groups.items()
    )
    yield from table(head, rows)


def changes(runs: list[dict[str, Any]]) -> str:
    """Count what comparisons said."""
    counts = Counter(run["change"] or run["outcome"] for run in runs)
    return ", ".join(f"{count} {said}" for said, count in counts.most_common())


def web_overhead() -> Iterator[str]:
    """Tell what web middleware costs a real server."""
    data = results("web_overhead")
    yield f"## What the middleware costs a web server (Python {data['python']})"
    yield ""
    yield (
        f"wrk at one server after the other, {data['seconds_each']:g} s each, medians of"
        f" {data['rounds']} rounds, each compared with the bare server of its round: throughput,"
        " and the CPU time of the server's process for a request, with the middle half of what is"
        " added: `benchmarks/web_overhead.py`."
    )
    yield ""
    rows = (
        (
            name,
            f"{one['requests_per_second']:,}",
            f"{one['lost_share']:.1%}",
            f"{one['cpu_us_per_request']:.1f} us",
            f"{one['added_cpu_us']:.1f} us",
            " - ".join(f"{end:.1f}" for end in one["quartiles_us"]),
            one["target_us"] or "",
        )
        for name, one in data["figures"].items()
    )
    head = ("server", "requests/s", "lost", "CPU a request", "added", "middle half", "target")
    yield from table(head, rows)


def baseline_study() -> Iterator[str]:
    """Tell how often judging by stored runs is wrong and what it finds, beside other rules."""
    data = results("baseline_study")
    yield "## Judged by stored runs"
    yield ""
    yield baseline_markdown(data["summary"], data["runs"])


def change_points() -> Iterator[str]:
    """Tell how often a change of a history is found, in noise and where there is one."""
    data = results("change_points")
    suite, ms = data["suite"], data["ms"]
    yield "## What histories find"
    yield ""
    yield (
        f"{data['series']} simulated series of each kind, 5 % of spread between runs; Apache Otava"
        f" with its own defaults on the same series: `benchmarks/change_points_study.py`."
        f" {suite['red']} of {suite['suites']} suites of {suite['operations']:,} operations without"
        f" a change were red; a series of 200 takes {ms['noise']:g} ms without a change,"
        f" {ms['a step']:g} ms with a step and {ms['three steps']:g} ms with three."
    )
    yield ""
    noise = (
        (one["n"], one["rho"] or "none", shown(one["ours"]), shown(one["otava"]))
        for one in data["noise"]
    )
    yield from table(("runs without a change", "memory", "found", "Otava found"), noise)
    yield ""
    steps = (
        (
            one["n"],
            one["after"],
            shown(one["ours"]),
            shown(one["ours_close"]),
            shown(one["range_holds_it"]),
            f"{one['range_runs']:g}",
            shown(one["otava"]),
            shown(one["otava_close"]),
        )
        for one in data["steps"]
    )
    head = ("runs", "after a step of 15 %", "found", "within one run", "range holds it")
    yield from table((*head, "runs in it", "Otava found", "Otava within one run"), steps)


def shown(share: float | None) -> str:
    """Show a share; what was not looked at as such."""
    return "not checked" if share is None else f"{share:.1%}"


def endings() -> Iterator[str]:
    """Tell what is left of comparisons that were ended at random moments."""
    data = results("endings")
    left = data["left_after_the_next_run"]
    yield "## Comparisons ended at random moments"
    yield ""
    yield (
        f"All processes were gone within {data['longest_until_gone_s']:.1f} s. After one more,"
        f" undisturbed run {len(left['processes'])} processes and {len(left['files'])} trees, locks"
        f" and files were left; changed in the user's repository, `.git` included:"
        f" {', '.join(data['changed_in_the_repository']) or 'nothing'}. `benchmarks/endings.py`."
    )
    yield ""
    yield from table(("ended by", "runs"), iter(data["by_means"].items()))


def main() -> None:
    """Write the page."""
    sections = {
        "overhead": overhead,
        "web_overhead": web_overhead,
        "startup": start_up,
        "store": store,
        "foreign_suite": foreign_suite,
        "soak": soak,
        "real_releases": real_releases,
        "baseline_study": baseline_study,
        "change_points": change_points,
        "endings": endings,
    }
    lines = ["# Figures", "", "Made from `benchmarks/results/` by `benchmarks/figures.py`.", ""]
    lines += [markdown(results("error_rates")["runs"]), ""]
    for name, section in sections.items():
        if (RESULTS / f"{name}.json").exists():  # a study that takes an hour may yet be to make
            lines += [*section(), ""]
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
