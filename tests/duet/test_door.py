"""Who is let in where one process waits for another."""

from __future__ import annotations

import socket
from contextlib import closing, suppress

import pytest

from pytest_perfmon.duet import door as module
from pytest_perfmon.duet.door import Door, knock


@pytest.fixture
def door():
    """A door that is closed afterwards."""
    with closing(Door()) as door:
        yield door


def at(door, secret):
    """Give the address of a door with another secret."""
    return f"{door.address.partition(':')[0]}:{secret}"


@pytest.mark.parametrize("secret", ["0" * 32, "", "short", "x" * 100])
def test_strangers_are_turned_away(door, secret, monkeypatch):
    """Who does not know the secret is hung up on; who does is let in after them."""
    monkeypatch.setattr(module, "_HELLO_SECONDS", 0.1)
    with (
        closing(knock(at(door, secret), 5.0)) as stranger,
        closing(knock(door.address, 5.0)) as known,
        closing(door.admit(5.0)) as admitted,
    ):
        known.sendall(b"x")
        assert admitted.recv(1) == b"x"
        stranger.settimeout(5.0)
        with suppress(ConnectionResetError):  # it said more than was read
            assert stranger.recv(1) == b""


def test_a_wait_ends(door):
    """Where nobody comes, or nobody who says a word, there is nobody."""
    assert door.admit(0.01) is None


def test_what_is_no_address_is_refused():
    """Nobody is looked for there."""
    with pytest.raises(ValueError, match="no port"):
        knock("no port", 1.0)


def test_a_closed_door_lets_nobody_in():
    """The port is free again."""
    door = Door()
    door.close()
    with pytest.raises(OSError, match="refused"):
        knock(door.address, 1.0)
    port = int(door.address.partition(":")[0])
    socket.create_server(("127.0.0.1", port)).close()
