"""Real servers on free ports of this machine, and what the tests ask of them."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import uvicorn

HERE = Path(__file__).parent
DEADLINE_S = 20


def until(condition, deadline_s=DEADLINE_S):
    """Wait for a condition to hold, and give its value."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
    return value


@contextlib.contextmanager
def serve_asgi(app, **options):
    """Serve an ASGI application by uvicorn in a thread of this process; gives the port."""
    options = {"lifespan": "auto", "log_level": "critical", "access_log": False} | options
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: server.started)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)


@contextlib.contextmanager
def serve_wsgi(application, *options):
    """Serve `module:name` of this folder by gunicorn in a process of its own; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        command = [sys.executable, "-m", "gunicorn", application, "--chdir", str(HERE)]
        command += ["--bind", f"fd://{listener.fileno()}", "--log-level", "critical", *options]
        environment = {
            key: value for key, value in os.environ.items() if key != "GUNICORN_CMD_ARGS"
        }
        server = subprocess.Popen(command, pass_fds=[listener.fileno()], env=environment)
        try:
            # The socket listens already: a request waits there until a worker is up.
            yield listener.getsockname()[1]
        finally:
            server.terminate()
            server.wait(DEADLINE_S)


def request(port, path, method="GET", body=None):
    """Make one request on a connection of its own; gives the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def counts(monitor):
    """Give what a monitor counted: by operation, successes, errors by type, and cancellations."""
    return {
        one.operation: (one.success_count, dict(one.errors_by_type), one.cancelled_count)
        for one in monitor.get_stats()
    }


def leave_in_the_middle(port, path, method="GET"):
    """Read the first bytes of an answer and go away."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(100)
