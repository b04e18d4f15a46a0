"""Messages between a parent and its child, and what becomes of strangers and nonsense."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest

from pytest_perfmon.duet.channel import Channel, ChannelClosedError, accept, call_parent
from pytest_perfmon.duet.door import Door


@pytest.fixture
def sleeper():
    """A child that does nothing for as long as it may."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def pair():
    """Both ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        right = socket.create_connection(server.getsockname())
        left = server.accept()[0]
    with left, right:
        yield Channel(left), Channel(right)


def test_messages_arrive_whole_and_in_order(pair):
    """Large and small messages come out as they went in."""
    left, right = pair
    messages = [{"n": number, "text": "ä" * number * 1000} for number in range(20)]
    for message in messages:
        left.send(message)
        assert right.receive(time.monotonic() + 5) == message
    left.close()
    with pytest.raises(ChannelClosedError, match="closed"):
        right.receive()


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1, 2]\n", b"\xff\n"])
def test_nonsense_is_an_error_and_no_traceback(pair, line):
    """What is not a message is one error of ours."""
    left, right = pair
    left._connection.sendall(line)
    with pytest.raises(ChannelClosedError):
        right.receive(time.monotonic() + 5)


def test_a_wait_has_an_end(pair):
    """Nothing by the deadline is an error that says so."""
    _left, right = pair
    with pytest.raises(ChannelClosedError, match="time limit"):
        right.receive(time.monotonic())


def test_a_child_that_knows_the_secret_is_let_in(sleeper):
    """A stranger on the port is turned away, the child is not."""
    with (
        closing(Door()) as door,
        closing(call_parent(f"{door.address.partition(':')[0]}:wrong")),
        closing(call_parent(door.address)) as child,
        closing(accept(door, sleeper, time.monotonic() + 10)) as parent,
    ):
        child.send({"hello": 1})
        assert parent.receive(time.monotonic() + 5) == {"hello": 1}


def test_a_child_that_ends_first_is_noticed(sleeper):
    """Waiting for a child that is dead ends at once, with its exit code."""
    sleeper.kill()
    sleeper.wait()
    with closing(Door()) as door, pytest.raises(ChannelClosedError, match="ended with exit code"):
        accept(door, sleeper, time.monotonic() + 10)


def test_a_parent_that_is_gone_is_said():
    """A child that finds nobody says where it looked."""
    with pytest.raises(ChannelClosedError, match="PERFMON_WORKER leads to nobody"):
        call_parent("1:secret")
    with pytest.raises(ChannelClosedError, match="PERFMON_WORKER leads to nobody"):
        call_parent("no port")
