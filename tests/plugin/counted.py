"""Work whose calls can be told apart in the figures: the n-th call takes n microseconds."""

from __future__ import annotations

CONFTEST = """
import pytest


class Work:
    def __init__(self, clock):
        self.clock = clock
        self.calls = 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        self.clock.advance(self.calls * 1_000)
        return self.calls


@pytest.fixture
def work(perf_clock, request):
    work = Work(perf_clock)
    yield work
    with open("made.txt", "a") as file:
        file.write(f"{request.node.name} {work.calls}\\n")
"""


def calls_made(project):
    """Say how often each test has called its `work`, by test name, in the newest run."""
    made = {}
    for line in project.said("made.txt"):
        name, calls = line.rsplit(maxsplit=1)
        made[name] = int(calls)
    return made


def assert_counts_the_last_of(made, figures):
    """Assert that the figures are of all calls from some call to the last, and of no other."""
    last, count = made, figures["calls"]
    first = last - count + 1
    assert (figures["unit"], figures["rounds"]) == ("call", count)
    assert figures["min_ns"] == first * 1_000
    assert figures["max_ns"] == last * 1_000
    assert figures["mean_ns"] == (first + last) * 500
    assert sum(share for _, share in figures["distribution"]) == count
