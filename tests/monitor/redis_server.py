"""A real redis-server process for a test module, on a free port, keeping nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

DEADLINE_S = 20


def free_port():
    """Give a local port that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def running_redis(folder):
    """Run a server for the block, and give a connected client; skip where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        reason = "redis-server is not installed (apt-get install redis-server)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    redis = pytest.importorskip("redis")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([program, *options, "--dir", folder], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port) as client:
            _await_answer(client, redis.ConnectionError)
            yield client
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def _await_answer(client, not_yet):
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            client.ping()
        except not_yet:
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)
        else:
            return
