"""A PostgreSQL of this machine's own, started on a free port for the tests and ended with them."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DEBIAN = Path("/usr/lib/postgresql")
ROLE = "perfmon"
DATABASE = "runs"
DEADLINE_S = 60
# a test server that dies takes nothing along that anybody wants back
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresServer:
    """A running server; each place in it is a namespace of its own, empty at first."""

    def __init__(self, port: int, password: str) -> None:
        self.port = port
        self.password = password
        self._numbers = itertools.count()

    def url(self, namespace: str = "public", password: str | None = None) -> str:
        """Give the URL of a namespace, for a user who logs in with a password."""
        password = self.password if password is None else password
        return (
            f"postgresql+psycopg://{ROLE}:{password}@127.0.0.1:{self.port}/{DATABASE}"
            f"?options=-csearch_path%3D{namespace}"
        )

    def fresh_url(self) -> str:
        """Give the URL of a namespace in which there is nothing."""
        namespace = f"place_{next(self._numbers)}"
        self.execute(f"CREATE SCHEMA {namespace}")
        return self.url(namespace)

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """Execute statements, each for good, and give the rows of the last."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=ROLE,
            password=self.password,
            dbname=DATABASE,
            autocommit=True,
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


def programs() -> Path | None:
    """Give the directory of initdb and postgres, of the newest version there is."""
    found = sorted(
        (one.parent for one in DEBIAN.glob("*/bin/initdb")),
        key=lambda path: float(path.parent.name),
    )
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path).resolve().parent if on_path else None


def reason_against() -> str | None:
    """Say why there can be no server here; None where there can."""
    if os.name == "nt":
        return "the suite starts a server on Unix alone"
    if programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        return f"psycopg cannot be imported: {error}"
    return None


@contextlib.contextmanager
def postgres_server(settings: tuple[str, ...] = FAST) -> Iterator[PostgresServer]:
    """Start a server with those settings, wait until it answers, and end it with the block."""
    binaries = programs()
    assert binaries is not None
    password = secrets.token_hex(8)
    with contextlib.ExitStack() as stack:
        # a short path, because that of a Unix socket has at most 107 bytes
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pg-")))
        (home / "password").write_text(password)
        as_user = _unprivileged(home)
        command = [binaries / "initdb", "--pgdata", home / "data", "--username", ROLE]
        command += ["--auth=password", "--pwfile", home / "password", "--no-sync"]
        command += ["--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            [*as_user, *command], cwd=home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        server = PostgresServer(_free_port(), password)
        command = [binaries / "postgres", "-D", home / "data", "-k", home, "-p", str(server.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100"]
        command += [part for one in settings for part in ("-c", one)]
        log = stack.enter_context((home / "log").open("w+"))
        process = subprocess.Popen([*as_user, *command], cwd=home, stdout=log, stderr=log)
        stack.callback(_end, process)
        _wait_for(server, process, home / "log")
        yield server


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server at once, with nothing kept; while it starts, it loses such a signal."""
    while process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)


def _unprivileged(home: Path) -> list[str]:
    """Give what a command begins with to run as somebody who may: the server refuses root."""
    if os.geteuid() != 0:
        return []
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            for path in (home, home / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
            return [
                "setpriv",
                f"--reuid={user.pw_uid}",
                f"--regid={user.pw_gid}",
                "--clear-groups",
            ]
    raise AssertionError("root cannot run PostgreSQL, and there is no user for it")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    end = time.monotonic() + DEADLINE_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            with psycopg.connect(
                host="127.0.0.1",
                port=server.port,
                user=ROLE,
                password=server.password,
                dbname="postgres",
                autocommit=True,
            ) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
                return
        except psycopg.OperationalError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real server; where none can be had, CI on Linux fails and others skip, saying why."""
    reason = reason_against()
    if reason is not None:
        give_up = pytest.fail if os.environ.get("CI") and sys.platform == "linux" else pytest.skip
        give_up(f"not checked: {reason}")
    with postgres_server() as server:
        yield server
