"""Real servers for the stats endpoint, and a client that sends any bytes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import uvicorn

TOKEN = "a-token-for-tests-0123456789-abcdefghij"
STARTING_AT_MOST_S = 30


class Answer(NamedTuple):
    """What came back: the status (0 where nothing did), the headers' text, and the body."""

    status: int
    head: str
    body: bytes


class Server(NamedTuple):
    """A server process: where it listens, and what it has written so far."""

    port: int
    process: subprocess.Popen
    log: Path

    def send(self, raw, patience_s=10):
        """Send bytes on a connection of their own and read until the server ends it."""
        return exchange(self.port, raw, patience_s)

    def written(self):
        """Give the server's output."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def free_port():
    """Give a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exchange(port, raw, patience_s):
    """Send bytes to a local port; a server that hangs up early or says nothing is an answer too."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as connection:
        try:
            connection.sendall(raw)
            while chunk := connection.recv(65536):
                received += chunk
        except (ConnectionError, TimeoutError):
            pass
    head, _, body = received.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if head.startswith(b"HTTP/") else 0
    return Answer(status, head.decode("latin-1"), body)


def request(path="/stats.json", *headers, method="GET", token=TOKEN):
    """Give the bytes of a request that ends its connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def wait_until_listening(port, alive):
    """Wait until somebody listens on the port, for as long as `alive()` and the deadline hold."""
    deadline = time.monotonic() + STARTING_AT_MOST_S
    while alive() and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nobody listens on port {port}")


COMMANDS = {
    "uvicorn": ["uvicorn", "--port={port}", "--no-access-log", "attacked_app:stats"],
    "gunicorn": ["gunicorn", "--bind=127.0.0.1:{port}", "--threads=4", "attacked_app:wsgi"],
}


@contextmanager
def serving_process(name, folder):
    """Serve `attacked_app` by that server in a process of its own."""
    port = free_port()
    command = [word.format(port=port) for word in COMMANDS[name]]
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=Path(__file__).parent,
            env=os.environ | {"PERFMON_TEST_TOKEN": TOKEN},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_listening(port, lambda: process.poll() is None)
        yield Server(port, process, log)
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def serving_here(app):
    """Serve an ASGI application from a thread of this process; gives the port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until_listening(port, thread.is_alive)
        yield port
    finally:
        server.should_exit = True
        thread.join(timeout=20)
