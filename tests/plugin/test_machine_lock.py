"""Who may be in the room with whom, and who goes in first."""

from __future__ import annotations

import threading
import time

import pytest

from pytest_perfmon.plugin.machine_lock import MachineLock

fcntl = pytest.importorskip("fcntl", reason="looks at the lock as POSIX does")
PATIENCE = 10.0


@pytest.fixture
def lock(tmp_path):
    """A lock in a fresh directory."""
    return MachineLock(tmp_path)


@pytest.fixture
def somebody():
    """Lets a thread go in by a way and stay to the end; gives the event that says it is in."""
    may_leave = threading.Event()
    threads = []

    def start(way_in):
        is_in = threading.Event()

        def stay():
            with way_in():
                is_in.set()
                may_leave.wait(PATIENCE)

        threads.append(threading.Thread(target=stay))
        threads[-1].start()
        return is_in

    yield start
    may_leave.set()
    for thread in threads:
        thread.join(PATIENCE)


def test_sharers_share(lock, somebody):
    """Two may be in at once."""
    assert somebody(lock.shared).wait(PATIENCE)
    assert somebody(lock.shared).wait(PATIENCE)


@pytest.mark.parametrize("second", ["alone", "shared"])
def test_nobody_comes_in_beside_who_is_alone(lock, somebody, second):
    """Whoever comes second waits until the first has left, and then comes in."""
    with lock.alone():
        other = somebody(getattr(lock, second))
        assert not other.wait(0.1)
    assert other.wait(PATIENCE)


def test_who_wants_to_be_alone_waits_for_sharers(lock, somebody):
    """A measurement begins when the last other test is over, and not before."""
    with lock.shared():
        measuring = somebody(lock.alone)
        assert not measuring.wait(0.1)
    assert measuring.wait(PATIENCE)


def test_new_sharers_queue_behind_who_waits_to_be_alone(lock, tmp_path):
    """The gate is shut while somebody waits, so that a stream of tests cannot starve him."""
    order = []

    def enter(name, way_in):
        with way_in():
            order.append(name)

    threads = [
        threading.Thread(target=enter, args=("alone", lock.alone)),
        threading.Thread(target=enter, args=("shared", lock.shared)),
    ]
    with lock.shared():
        threads[0].start()
        deadline = time.monotonic() + PATIENCE
        while not gate_is_shut(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        threads[1].start()
        threads[1].join(0.1)
        assert order == []
    for thread in threads:
        thread.join(PATIENCE)
    assert order == ["alone", "shared"]


def gate_is_shut(directory):
    """Say whether somebody holds the gate."""
    with (directory / "gate").open("a") as gate:
        try:
            fcntl.flock(gate, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_who_dies_inside_leaves_the_room_free(lock):
    """The lock goes with the descriptor, so that an error inside leaves nothing locked."""
    with pytest.raises(ZeroDivisionError), lock.alone():
        1 / 0  # noqa: B018 - an error of any kind
    with lock.alone():
        pass
