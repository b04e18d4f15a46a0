"""Real servers as processes on free ports of this machine, and how to wait for them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

DEADLINE_S = 30


def until(condition, deadline_s=DEADLINE_S):
    """Wait for a condition to hold, and give its value."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return value


def program(name):
    """Give the path of a program; without it the test is skipped, and fails in CI."""
    path = shutil.which(name)
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")
    return path


def free_port():
    """Give a port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def get(url):
    """Give the body of a page as text; None where there is none."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()
    return None


def get_json(url):
    """Give a page's JSON."""
    return json.loads(get(url))


@contextlib.contextmanager
def running(command, ready_url):
    """Run a server until the end of the block; gives its process once the page answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: get(ready_url) is not None or process.poll() is not None)
        assert process.poll() is None, f"{command[0]} ended by itself"
        yield process
    finally:
        process.kill()
        process.wait()
