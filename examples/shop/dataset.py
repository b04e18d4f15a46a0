"""The shop's database file: its schema, and a data set made from a fixed seed."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

CUSTOMERS = 2_000
PRODUCTS = 500
ORDERS = 20_000
FIRST_DAY = date(2025, 1, 1)
DAYS = 365

SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE products (id INTEGER PRIMARY KEY, title TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers,
    placed_on TEXT NOT NULL
);
CREATE TABLE lines (
    order_id INTEGER NOT NULL REFERENCES orders,
    product_id INTEGER NOT NULL REFERENCES products,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (order_id, product_id)
) WITHOUT ROWID;
CREATE INDEX orders_by_day ON orders (placed_on);
"""
INDEX = "CREATE INDEX orders_by_customer ON orders (customer_id, placed_on);"


def database(folder: Path) -> Path:
    """Give the shop's database file in that folder, made there on first use."""
    path = folder / "shop.db"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as workshop:
            unfinished = Path(workshop, path.name)
            _build(unfinished)
            unfinished.replace(path)
    return path


def _build(path: Path) -> None:
    made_up = random.Random(20_250_101)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(SCHEMA + INDEX)
        db.executemany("INSERT INTO customers VALUES (?, ?, ?)", _customers())
        db.executemany("INSERT INTO products VALUES (?, ?, ?)", _products(made_up))
        db.executemany("INSERT INTO orders VALUES (?, ?, ?)", _orders(made_up))
        db.executemany("INSERT INTO lines VALUES (?, ?, ?)", _lines(made_up))
        db.execute("ANALYZE")


def _customers() -> Iterator[tuple[int, str, str]]:
    for number in range(1, CUSTOMERS + 1):
        yield number, f"customer{number}@example.org", f"Customer {number}"


def _products(made_up: random.Random) -> Iterator[tuple[int, str, int]]:
    kinds = ("lamp", "chair", "kettle", "rug", "clock", "shelf", "mirror", "vase")
    for number in range(1, PRODUCTS + 1):
        yield number, f"{made_up.choice(kinds)} no. {number}", made_up.randrange(199, 49_900)


def _orders(made_up: random.Random) -> Iterator[tuple[int, int, str]]:
    """Some customers order often, most seldom: the square of a uniform share."""
    for number in range(1, ORDERS + 1):
        customer = 1 + int(CUSTOMERS * made_up.random() ** 2)
        day = FIRST_DAY + timedelta(days=number * DAYS // (ORDERS + 1))
        yield number, customer, day.isoformat()


def _lines(made_up: random.Random) -> Iterator[tuple[int, int, int]]:
    everything = range(1, PRODUCTS + 1)
    for order in range(1, ORDERS + 1):
        for product in made_up.sample(everything, made_up.randint(1, 5)):
            yield order, product, made_up.randint(1, 3)
