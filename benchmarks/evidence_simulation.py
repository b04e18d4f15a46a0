"""Simulated error rates of the interleaved A/B's decisions, against what they promise.

    python benchmarks/evidence_simulation.py [--series N] [--out FILE]

Every series is drawn as a machine would make it: first the noise of the two slots, which may
drift, correlate, have heavy tails or favour one slot, then a fair coin a block that says which side
sat where. Nothing is symmetrised afterwards. Times are simulated; nothing here is a timing.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pytest_perfmon.model.verdict import Change
from pytest_perfmon.stats.blocks import Bars, BlockSeries, Decision
from pytest_perfmon.stats.confidence import E_FOR_95_PERCENT, visible_change
from pytest_perfmon.stats.couplets import couplets_datum
from pytest_perfmon.stats.evidence import Evidence, blocks_of

MIN_EFFECT: Final = 0.02
TAU: Final = math.log1p(MIN_EFFECT)
EXCLUDED: Final = math.log(1.05)
ALPHA: Final = 0.01
TESTS: Final = 12
BAR: Final = TESTS / ALPHA
CAP: Final = 60

Noise = Callable[[random.Random, int], list[float]]
"""Draws, for so many blocks, by how much slot one is slower than slot two (log ratio)."""


def happens(rng: random.Random, share: float) -> bool:
    """Say yes with that probability."""
    return rng.random() < share


def plain(spread: float) -> Noise:
    """Normal noise of that standard deviation."""
    return lambda rng, blocks: [rng.gauss(0, spread) for _ in range(blocks)]


def heavy_tails(spread: float) -> Noise:
    """Normal noise, of which 5 % is eight times as wide."""
    return lambda rng, blocks: [
        rng.gauss(0, spread * (8 if happens(rng, 0.05) else 1)) for _ in range(blocks)
    ]


def drift(rng: random.Random, blocks: int) -> list[float]:
    """Slot one gets slower by 0.1 % a block, and the noise doubles over thirty blocks."""
    return [0.001 * b + rng.gauss(0, 0.01 * (1 + b / 30)) for b in range(blocks)]


def autocorrelated(rng: random.Random, blocks: int) -> list[float]:
    """Each block remembers half of the one before; spread 1.5 %."""
    state, differences = rng.gauss(0, 0.015), []
    for _ in range(blocks):
        state = 0.5 * state + rng.gauss(0, 0.015 * math.sqrt(0.75))
        differences.append(state)
    return differences


def bimodal(rng: random.Random, blocks: int) -> list[float]:
    """Three processes in ten run 8 % slower, whatever they run."""
    return [
        0.08 * (happens(rng, 0.3) - happens(rng, 0.3)) + rng.gauss(0, 0.005) for _ in range(blocks)
    ]


def processes(rng: random.Random, blocks: int) -> list[float]:
    """Every fresh process has a speed of its own, 1 %; slices add 0.5 %."""
    return [rng.gauss(0, 0.01) - rng.gauss(0, 0.01) + rng.gauss(0, 0.005) for _ in range(blocks)]


def slot_favoured(rng: random.Random, blocks: int) -> list[float]:
    """Slot one is 5 % slower in every block, as where one CPU is busier."""
    return [0.05 + rng.gauss(0, 0.01) for _ in range(blocks)]


def slices(rng: random.Random, blocks: int) -> list[float]:
    """Whole blocks of 16 slices: process speeds, interrupts, drift, a second place 5 % slower."""
    return [_block_of_slices(rng) for _ in range(blocks)]


def _block_of_slices(rng: random.Random) -> float:
    speeds = rng.gauss(0, 0.01), rng.gauss(0, 0.01)
    slope = rng.gauss(0, 0.002)
    slots: tuple[list[float], list[float]] = ([], [])
    one_first: list[bool] = []
    for couplet in range(8):
        order = happens(rng, 0.5)
        for first in (order, not order):
            one_first.append(first)
            for slot, times in enumerate(slots):
                second_place = first is (slot == 1)
                log_time = speeds[slot] + slope * couplet + 0.05 * second_place
                interrupt = 2 * happens(rng, 0.05)
                times.append(200_000 * math.exp(log_time + rng.gauss(0, 0.02) + interrupt))
    return couplets_datum(*slots, one_first)


NOISES: Final[dict[str, Noise]] = {
    "plain 1.5%": plain(0.015),
    "heavy tails 1.5%": heavy_tails(0.015),
    "drift": drift,
    "autocorrelated": autocorrelated,
    "bimodal": bimodal,
    "processes 1%": processes,
    "slot favoured": slot_favoured,
    "slices": slices,
}


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened among simulated series.

    Attributes:
        question: what was counted.
        noise: under which noise.
        promise: the share that must not be exceeded, or for detections must be reached.
        observed: the share seen.
        series: of how many.
    """

    question: str
    noise: str
    promise: float
    observed: float
    series: int


@dataclass(frozen=True, slots=True)
class Detection:
    """How many blocks it took to see an injected slowdown; None where most never saw it.

    Attributes:
        noise: under which noise.
        effect: the slowdown, as a share.
        tests: hypotheses in the suite; the bar is this / alpha.
        median: blocks to REGRESSED, half of the series.
        p90: blocks to REGRESSED, nine in ten series.
        by_cap: share found by the cap of 60 blocks.
    """

    noise: str
    effect: float
    tests: int
    median: int | None
    p90: int | None
    by_cap: float


def coined(rng: random.Random, noise: Noise, theta: float, blocks: int = CAP) -> list[float]:
    """Draw the slots' noise for a whole series, then the coins; give the data."""
    differences = noise(rng, blocks)
    return [theta + (one if happens(rng, 0.5) else -one) for one in differences]


def played(
    rng: random.Random, noise: Noise, theta: float, *, bar: float = BAR, cap: int = CAP
) -> tuple[BlockSeries, Decision]:
    """Run one series to its verdict."""
    series, bars = BlockSeries(MIN_EFFECT), Bars.fixed(bar)
    data = iter(coined(rng, noise, theta, cap))
    while True:
        series.add(next(data))
        decision = series.decide(bars, cap)
        if decision.change is not None:
            return series, decision


def peaks(data: list[float], *evidences: Evidence) -> tuple[float, ...]:
    """Settle a whole series, whatever its verdict; give the running maximum of each ln E."""
    for block in blocks_of(data):
        for evidence in evidences:
            evidence.add(block)
    return tuple(evidence.log_peak for evidence in evidences)


def false_alarms(rng: random.Random, noise: Noise, count: int) -> float:
    """Share of series exactly at the smallest change that matters that ever reach 1/alpha."""
    alarms = 0
    for _ in range(count):
        (peak,) = peaks(coined(rng, noise, TAU), Evidence.above(TAU))
        alarms += peak >= math.log(1 / ALPHA)
    return alarms / count


def tendencies(rng: random.Random, noise: Noise, count: int) -> float:
    """Share of A/A series that ever reach E >= 20 at tau = 0, in the worse of two directions."""
    slower = faster = 0
    for _ in range(count):
        above, below = peaks(coined(rng, noise, 0.0), Evidence.above(0.0), Evidence.below(0.0))
        slower += above >= math.log(20)
        faster += below >= math.log(20)
    return max(slower, faster) / count


def wrongly_unchanged(rng: random.Random, noise: Noise, count: int) -> float:
    """Share of series with a ratio at the edge of what UNCHANGED excludes that end so."""
    ends = (played(rng, noise, EXCLUDED)[1].change for _ in range(count))
    return sum(change is Change.UNCHANGED for change in ends) / count


def uncovered(rng: random.Random, noise: Noise, count: int) -> float:
    """Share of series whose 95 % confidence sequence, after any block, misses the truth (+5 %)."""
    missed = 0
    for _ in range(count):
        data = coined(rng, noise, EXCLUDED)
        refuted = peaks(data, Evidence.above(EXCLUDED), Evidence.below(EXCLUDED))
        missed += max(refuted) >= math.log(E_FOR_95_PERCENT)
    return missed / count


def unkept(rng: random.Random, noise: Noise, count: int, *, blocks: int = 18) -> float:
    """Share of "could see >= x", said after that many A/A blocks, that are not kept.

    x, injected into a fresh series, has to be found within as many blocks.
    """
    missed = 0
    for _ in range(count):
        said = visible_change(blocks_of(coined(rng, noise, 0.0, blocks)), tau=TAU, bar=BAR)
        if said is not None:
            _, decision = played(rng, noise, math.log1p(said), cap=blocks)
            missed += decision.change is not Change.REGRESSED
    return missed / count


QUESTIONS: Final = (
    ("REGRESSED at the boundary", false_alarms, ALPHA),
    ("E >= 20 on equal sides", tendencies, 0.05),
    ("UNCHANGED at +5 %", wrongly_unchanged, 0.05),
    ("truth outside the 95 % sequence", uncovered, 0.05),
    ("visible change not found", unkept, 0.15),
)


def rates(count: int) -> Iterator[Rate]:
    """Ask every question under every noise."""
    for question, ask, promise in QUESTIONS:
        for name, noise in NOISES.items():
            rng = random.Random(f"{question}, {name}")
            yield Rate(question, name, promise, ask(rng, noise, count), count)


def detection(noise: str, effect: float, tests: int, count: int) -> Detection:
    """Count blocks to REGRESSED at the bar of so many tests."""
    rng = random.Random(f"{noise}, {effect}, {tests}")
    decisions = [
        played(rng, DETECTED_UNDER[noise], math.log1p(effect), bar=tests / ALPHA)[1]
        for _ in range(count)
    ]
    took = sorted(
        decision.blocks if decision.change is Change.REGRESSED else CAP + 1
        for decision in decisions
    )
    median, p90 = (
        blocks if blocks <= CAP else None for blocks in (took[count // 2], took[count * 9 // 10])
    )
    return Detection(noise, effect, tests, median, p90, sum(b <= CAP for b in took) / count)


DETECTED_UNDER: Final[dict[str, Noise]] = NOISES | {
    f"heavy tails {spread:.1%}": heavy_tails(spread) for spread in (0.01, 0.02, 0.03)
}
CASES: Final = (
    ("heavy tails 1.0%", 0.03, 12),
    ("heavy tails 1.5%", 0.05, 12),
    ("heavy tails 1.5%", 0.05, 50),
    ("heavy tails 1.5%", 0.10, 50),
    ("heavy tails 2.0%", 0.05, 12),
    ("heavy tails 3.0%", 0.05, 12),
    ("bimodal", 0.10, 12),
    ("slices", 0.05, 12),
)


def main() -> None:
    """Ask everything, print the table, and write it with its parameters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2000, help="series a question and noise")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results" / "evidence.json"
    )
    options = parser.parse_args()
    answered = []
    for rate in rates(options.series):
        answered.append(asdict(rate))
        print(f"{rate.question:32} {rate.noise:16} {rate.observed:6.2%} (<= {rate.promise:.0%})")
    found = []
    for noise, effect, tests in CASES:
        case = detection(noise, effect, tests, options.series)
        found.append(asdict(case))
        print(
            f"{effect:+.0%} among {tests} tests, {noise}: median {case.median}, p90 {case.p90}"
            f" blocks, {case.by_cap:.1%} by {CAP}"
        )
    parameters = {"min_effect": MIN_EFFECT, "alpha": ALPHA, "tests": TESTS, "cap": CAP}
    record = {"parameters": parameters, "rates": answered, "detections": found}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
