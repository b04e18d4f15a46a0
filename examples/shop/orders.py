"""What the shop can be asked; each question is an operation that a performance test can watch."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_perfmon import track_performance


class UnknownOrderError(LookupError):
    """There is no order of that number."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the shop's database."""
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    return db


@track_performance("orders.search")
def search(db: sqlite3.Connection, email: str, *, limit: int = 20) -> list[dict[str, Any]]:
    """Give a customer's newest orders, newest first."""
    rows = db.execute(
        """
        SELECT id, placed_on FROM orders
        WHERE customer_id = (SELECT id FROM customers WHERE email = ?)
        ORDER BY placed_on DESC, id DESC LIMIT ?
        """,
        (email, limit),
    )
    return [dict(row) for row in rows]


@track_performance("orders.detail")
def detail(db: sqlite3.Connection, order: int) -> dict[str, Any]:
    """Give one order with its lines and total.

    Raises:
        UnknownOrderError: there is none of that number.
    """
    head = db.execute(
        """
        SELECT orders.id, placed_on, name, email
        FROM orders JOIN customers ON customers.id = customer_id WHERE orders.id = ?
        """,
        (order,),
    ).fetchone()
    if head is None:
        raise UnknownOrderError(order)
    rows = db.execute(
        """
        SELECT title, quantity, cents * quantity AS cents
        FROM lines JOIN products ON products.id = product_id WHERE order_id = ? ORDER BY title
        """,
        (order,),
    )
    lines = [dict(row) for row in rows]
    return {**dict(head), "lines": lines, "cents": sum(line["cents"] for line in lines)}


@track_performance("orders.place")
def place(db: sqlite3.Connection, customer: int, day: str, quantities: Mapping[int, int]) -> int:
    """Place an order of so many pieces by product; gives its number."""
    with db:
        order = db.execute(
            "INSERT INTO orders (customer_id, placed_on) VALUES (?, ?) RETURNING id",
            (customer, day),
        ).fetchone()["id"]
        db.executemany(
            "INSERT INTO lines VALUES (?, ?, ?)",
            [(order, product, quantity) for product, quantity in quantities.items()],
        )
    return int(order)


@track_performance("reports.best_sellers")
def best_sellers(db: sqlite3.Connection, month: str, *, limit: int = 10) -> list[dict[str, Any]]:
    """Give the products that sold most in a month such as `2025-03`, with pieces and turnover."""
    rows = db.execute(
        """
        SELECT title, SUM(quantity) AS pieces, SUM(quantity * cents) AS cents
        FROM orders JOIN lines ON order_id = orders.id JOIN products ON products.id = product_id
        WHERE placed_on BETWEEN ? AND ?
        GROUP BY products.id ORDER BY pieces DESC, title LIMIT ?
        """,
        (f"{month}-01", f"{month}-31", limit),
    )
    return [dict(row) for row in rows]
