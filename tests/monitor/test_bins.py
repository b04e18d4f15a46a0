"""The bins of a histogram are a small value that is compared, pickled and sized like one."""

from __future__ import annotations

import pickle
import tracemalloc

from pytest_perfmon.monitor.bins import Bins

SOME = Bins([3, 70, 1500], [1, 1000, 2**40])


def test_bins_are_pairs():
    """Whoever goes through bins meets numbers and counts together, in their order."""
    assert list(SOME) == [(3, 1), (70, 1000), (1500, 2**40)]
    assert (len(SOME), len(Bins())) == (3, 0)


def test_equal_bins_are_one_value():
    """Bins are equal where all numbers and counts are, and only to bins."""
    same = Bins(iter([3, 70, 1500]), iter([1, 1000, 2**40]))
    assert (same, hash(same)) == (SOME, hash(SOME))
    assert Bins([3], [2]) != Bins([3], [1])
    assert Bins([3], [1]) != Bins([4], [1])
    assert tuple(SOME) != SOME


def test_bins_go_to_another_process():
    """Pickled and back they are the same, as `MonitorSnapshot` promises."""
    assert pickle.loads(pickle.dumps(SOME)) == SOME
    assert eval(repr(SOME)) == SOME


def test_a_bin_takes_twelve_bytes():
    """What a thousand bins take is stated within 10 %."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = Bins(range(1000), [10**6] * 1000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept) == 1000
    assert after - before < 1.1 * 12_000
