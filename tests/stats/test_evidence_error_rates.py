"""Seeded simulations of the A/B's error rates: slot noise first, the coin after.

The long mode of the same simulations is benchmarks/evidence_simulation.py.
"""

import importlib.util
import math
import random
import sys
from pathlib import Path

import pytest

from pytest_perfmon.model.verdict import Change
from pytest_perfmon.stats.blocks import Bars, BlockSeries
from pytest_perfmon.stats.couplets import calls_for_p95, log_ratio
from pytest_perfmon.stats.evidence import Evidence
from pytest_perfmon.stats.quantiles import quantile

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "evidence_simulation.py"
SERIES = 120


@pytest.fixture(scope="module")
def simulation():
    """Load the benchmark script as a module."""
    spec = importlib.util.spec_from_file_location("evidence_simulation", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def allowed(promise, count, deviations):
    """Say how much of a share at its promise chance may show in that many series."""
    return promise + deviations * math.sqrt(promise * (1 - promise) / count)


@pytest.mark.slow
@pytest.mark.parametrize("question", range(5))
def test_error_rates_stay_within_their_promises(simulation, question):
    """Each rate holds under every noise, and tighter over all noises together."""
    name, ask, promise = simulation.QUESTIONS[question]
    observed = {
        noise: ask(random.Random(f"{name}, {noise}"), draw, SERIES)
        for noise, draw in simulation.NOISES.items()
    }
    for noise, share in observed.items():
        assert share <= allowed(promise, SERIES, 3.5), noise
    pooled = sum(observed.values()) / len(observed)
    assert pooled <= allowed(promise, SERIES * len(observed), 2)


@pytest.mark.parametrize(
    ("case", "median", "p90"),
    [
        (("heavy tails 1.5%", 0.05, 12), 12, 20),
        (("heavy tails 1.5%", 0.05, 50), 15, 24),
        (("heavy tails 1.5%", 0.10, 50), 13, 19),
        (("heavy tails 1.0%", 0.03, 12), 27, 51),
        (("heavy tails 3.0%", 0.05, 12), 28, 54),
    ],
)
def test_slowdowns_are_found_in_as_many_blocks_as_documented(simulation, case, median, p90):
    """Median and 90th percentile of blocks to REGRESSED are the documented ones, within 20 %."""
    found = simulation.detection(*case, 400)
    assert found.median == pytest.approx(median, rel=0.2)
    assert found.p90 == pytest.approx(p90, rel=0.2)


def test_a_real_slowdown_is_seldom_missed_where_blocks_spread_little(simulation):
    """+5 % among twelve tests is REGRESSED in 95 % of series by 40 blocks at a spread of 2 %."""
    draw, rng = simulation.DETECTED_UNDER["heavy tails 2.0%"], random.Random(1)
    ends = [simulation.played(rng, draw, math.log(1.05), cap=40)[1].change for _ in range(300)]
    assert sum(change is Change.REGRESSED for change in ends) / len(ends) >= 0.95


def test_without_the_coin_a_favoured_slot_would_be_taken_for_a_slowdown(simulation):
    """The simulations can fail: leave the coin out and nearly every series is a false alarm."""
    rng = random.Random(1)
    alarms = 0
    for _ in range(20):
        (peak,) = simulation.peaks(simulation.slot_favoured(rng, 30), Evidence.above(0.02))
        alarms += peak >= math.log(100)
    assert alarms >= 18


def test_a_change_of_the_p95_alone_is_found_by_the_p95_alone():
    """6 % of calls taking three times as long is REGRESSED by p95 and UNCHANGED by median."""
    rng, bars = random.Random(1), Bars.fixed(1200)
    spread = 0.1
    calls = calls_for_p95(spread)
    ends = {0.50: [], 0.95: []}
    for p, seen in ends.items():
        for _ in range(20):
            series = BlockSeries(0.02)
            while (change := series.decide(bars, 60).change) is None:
                slow, fast = (
                    sorted(
                        math.exp(rng.gauss(0, spread)) * (3 if rng.random() < tail else 1)
                        for _ in range(calls)
                    )
                    for tail in (0.06, 0)
                )
                series.add(log_ratio(quantile(slow, p), quantile(fast, p)))
            seen.append(change)
    assert set(ends[0.95]) == {Change.REGRESSED}
    assert ends[0.50].count(Change.UNCHANGED) >= 19
