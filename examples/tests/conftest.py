"""The shop under test: its database, a copy to write to, and a client of its server."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from shop.dataset import database
from shop.orders import connect
from shop.server import ShopServer

Get = Callable[[str], tuple[int, Any]]


@pytest.fixture(scope="session")
def database_file() -> Path:
    """The data set, made on first use and only read from then on."""
    return database(Path(__file__).parents[1] / "data")


@pytest.fixture
def db(database_file: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the data set."""
    with closing(connect(database_file)) as connection:
        yield connection


@pytest.fixture
def writable_db(database_file: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a copy, which commits without waiting for the disk."""
    with closing(connect(shutil.copy(database_file, tmp_path / "shop.db"))) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


@pytest.fixture
def get(database_file: Path) -> Iterator[Get]:
    """A function that asks a running server and gives the status and the JSON."""
    with ShopServer(database_file) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        client = HTTPConnection(*server.server_address)

        def ask(path: str) -> tuple[int, Any]:
            client.request("GET", path)
            answer = client.getresponse()
            return answer.status, json.load(answer)

        yield ask
        client.close()
        server.shutdown()
        thread.join()
