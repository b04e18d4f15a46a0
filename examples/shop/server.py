"""The shop over HTTP: `python -m shop.server` serves JSON on 127.0.0.1:8000."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shop import orders
from shop.dataset import database


class ShopServer(ThreadingHTTPServer):
    """A server on that database; port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, database_file: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.database_file = database_file


class Handler(BaseHTTPRequestHandler):
    """One connection of a client, with a database connection of its own."""

    server: ShopServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a small answer waits for the client's delayed ACK

    def setup(self) -> None:
        """Open the database along with the connection."""
        super().setup()
        self.db = orders.connect(self.server.database_file)

    def finish(self) -> None:
        """Close both."""
        self.db.close()
        super().finish()

    def do_GET(self) -> None:
        """Answer /orders?email=, /orders/ID and /best-sellers?month=."""
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            self._answer(HTTPStatus.OK, self._look_up(url.path.strip("/").split("/"), asked))
        except (LookupError, ValueError):
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"nothing at {self.path}"})

    def _look_up(self, path: list[str], asked: dict[str, str]) -> Any:
        match path:
            case ["orders"]:
                return orders.search(self.db, asked["email"])
            case ["orders", number]:
                return orders.detail(self.db, int(number))
            case ["best-sellers"]:
                return orders.best_sellers(self.db, asked["month"])
        raise LookupError(path)

    def _answer(self, status: HTTPStatus, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        """Stay quiet: one line a request would drown a test's output."""


if __name__ == "__main__":
    with ShopServer(database(Path(__file__).parents[1] / "data"), port=8000) as server:
        server.serve_forever()
