"""Two ends of a turnstile, each in a thread of its own: strictly in turn, or told why not."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from pytest_perfmon.duet.door import Door
from pytest_perfmon.duet.turnstile import Turnstile, TurnstileError, go_to, wait_at


@contextmanager
def connected(patience):
    """Give both ends of a turnstile."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        right = socket.create_connection(server.getsockname())
        left = server.accept()[0]
    with left, right:
        yield Turnstile(left, 0, patience), Turnstile(right, 1, patience)


@pytest.fixture
def ends():
    """Both ends of a turnstile that waits for five seconds."""
    with connected(5.0) as both_ends:
        yield both_ends


def both(*tasks):
    """Run one task an end, at once; give what they return."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result(10) for future in [pool.submit(task) for task in tasks]]


def test_turns_never_overlap(ends):
    """Each side runs when the order says so, and never while the other does."""
    order = [0, 1, 1, 0, 1, 0, 0, 1]
    made: list[int] = []
    inside = threading.Lock()

    def side(end):
        for _ in end.turns(order):
            assert inside.acquire(blocking=False)
            made.append(end.slot)
            inside.release()

    both(*(lambda end=end: side(end) for end in ends))
    assert made == order


def test_sides_meet_at_common_positions(ends):
    """A position that only one side has is passed alone; the next common one is met."""
    first, second = ends

    def left():
        return [first.meet(*position, pinnable=True) for position in [(0, 0), (1, 0), (2, 0)]]

    def right():
        return [second.meet(*position, pinnable=False) for position in [(0, 0), (0, 1), (2, 0)]]

    here, there = both(left, right)
    assert [one is not None for one in here] == [True, False, True]
    assert [one is not None for one in there] == [True, False, True]
    assert here[0].alone_in_process == 0
    assert there[0].alone_in_process == 1


def test_a_side_that_leaves_is_waited_for_no_more(ends):
    """After the other side's last position, every further one is passed alone."""
    first, second = ends
    second.leave()
    assert first.meet(0, 0, pinnable=True) is None
    assert first.meet(5, 2, pinnable=True) is None


def test_a_pace_is_told(ends):
    """Slot 1 hears the warm-up calls, calls and couplets that slot 0 found."""
    first, second = ends
    first.tell_pace(13, 4, 8, 1)
    assert second.hear_pace() == (13, 4, 8, 1)


def test_a_side_that_breaks_off_is_noticed(ends):
    """Whoever waits for a token, or a pace, of a side that failed is told so, and can go on."""
    first, second = ends
    first.break_off()
    with pytest.raises(TurnstileError, match="failed there"):
        second.hear_pace()
    first.break_off()
    with pytest.raises(TurnstileError, match="failed there"):
        list(second.turns([0, 1]))
    assert not second.given_up
    met = both(lambda: first.meet(3, 0, pinnable=True), lambda: second.meet(3, 0, pinnable=True))
    assert None not in met


def test_a_side_that_is_gone_is_given_up(ends):
    """A closed connection ends a wait at once."""
    first, second = ends
    first._connection.close()
    with pytest.raises(TurnstileError, match="gone"):
        second.meet(0, 0, pinnable=True)
    assert second.given_up


def test_a_side_that_is_late_is_given_up():
    """A wait ends after the patience."""
    with connected(0.01) as (first, _):
        with pytest.raises(TurnstileError, match=r"not done within 0\.01 s"):
            first.meet(0, 0, pinnable=True)
        assert first.given_up


def test_slot_one_comes_to_where_slot_zero_waits():
    """Afterwards nobody is there, and a side that does not come is told after the patience."""
    door = Door()
    waited, came = both(lambda: wait_at(door, 5.0), lambda: go_to(door.address, 5.0))
    with waited, came:
        came.sendall(b"x")
        assert waited.recv(1) == b"x"
    with pytest.raises(TurnstileError, match=r"did not come within 0\.01 s"):
        wait_at(door, 0.01)
    door.close()
    with pytest.raises(TurnstileError, match="not there"):
        go_to(door.address, 0.5)
