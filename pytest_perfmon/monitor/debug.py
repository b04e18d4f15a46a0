"""Debug mode: what a monitor finds slow is on standard error at once, with who called."""

from __future__ import annotations

import sys

from pytest_perfmon.monitor.retention import Event


def print_slow(event: Event) -> None:
    """Write the event, its metadata and its stack to standard error."""
    lines = [
        f"perfmon: {event.operation!r} was {event.slowness}: {event.duration:.3f} ms"
        + (f", raised {event.error_type}" if event.error_type else "")
    ]
    lines += [f"    {key} = {value!r}" for key, value in event.metadata.items()]
    lines += [f"    at {frame}" for frame in event.stack]
    print(*lines, sep="\n", file=sys.stderr, flush=True)  # noqa: T201 - this is what it is for
