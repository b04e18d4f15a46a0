"""Fourteen kinds of work of 7 to 300 us, each so many equal steps: the table of all tools.

A study edits one of the numbers to make one function slower or faster by a known share.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable

import numpy as np

INTERPRETER = 1000
CALLS = 400
DICTIONARY = 600
SETS = 200
REGEX = 150
JSON_ENCODE = 60
JSON_DECODE = 80
SORT = 150
SQLITE = 50
HASHING = 200
ALLOCATION = 300
TEXT = 200
NUMPY = 100
RECURSION = 80

_WORDS = [f"word{number * 7919 % 1000}" for number in range(24)]
_TABLE = {word: number for number, word in enumerate(_WORDS)}
_EVEN, _THIRD = frozenset(range(0, 40, 2)), frozenset(range(0, 40, 3))
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_LINE = "at 2026-11-24 the fox jumped"
_RECORD = {"id": 17, "name": "fox", "tags": ["quick", "brown"], "weight": 3.25}
_RECORD_TEXT = json.dumps(_RECORD)
_NUMBERS = [number * 7919 % 101 for number in range(20)]
_PAYLOAD = bytes(range(64))
_ARRAY = np.arange(200.0)
_DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
_DATABASE.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
_DATABASE.executemany("INSERT INTO users VALUES (?, ?)", enumerate(_WORDS))


def interpreter(steps: int = INTERPRETER) -> int:
    """Do integer arithmetic in a loop."""
    total = 0
    for number in range(steps):
        total = (total * 31 + number) & 0xFFFF
    return total


def _add(left: int, right: int) -> int:
    return left + right


def calls(steps: int = CALLS) -> int:
    """Call a small function."""
    total = 0
    for number in range(steps):
        total = _add(total, number)
    return total


def dictionary(steps: int = DICTIONARY) -> int:
    """Look words up and count them."""
    seen: dict[str, int] = {}
    for number in range(steps):
        word = _WORDS[number % 24]
        seen[word] = seen.get(word, 0) + _TABLE[word]
    return len(seen)


def sets(steps: int = SETS) -> int:
    """Intersect small sets."""
    total = 0
    for _ in range(steps):
        total += len(_EVEN & _THIRD)
    return total


def regex(steps: int = REGEX) -> int:
    """Search a date in a line."""
    total = 0
    for _ in range(steps):
        found = _DATE.search(_LINE)
        if found is not None:
            total += found.start(2)
    return total


def json_encode(steps: int = JSON_ENCODE) -> int:
    """Write a small record as JSON."""
    total = 0
    for _ in range(steps):
        total += len(json.dumps(_RECORD))
    return total


def json_decode(steps: int = JSON_DECODE) -> int:
    """Read a small record from JSON."""
    total = 0
    for _ in range(steps):
        total += len(json.loads(_RECORD_TEXT))
    return total


def sort(steps: int = SORT) -> int:
    """Sort twenty numbers."""
    total = 0
    for _ in range(steps):
        total += sorted(_NUMBERS)[3]
    return total


def sqlite(steps: int = SQLITE) -> int:
    """Fetch rows by their key from a database in memory."""
    total = 0
    for number in range(steps):
        row = _DATABASE.execute("SELECT name FROM users WHERE id = ?", (number % 24,)).fetchone()
        total += len(row[0])
    return total


def hashing(steps: int = HASHING) -> int:
    """Hash 64 bytes with SHA-256."""
    total = 0
    for _ in range(steps):
        total += hashlib.sha256(_PAYLOAD).digest()[0]
    return total


def allocation(steps: int = ALLOCATION) -> int:
    """Make lists of lists and let them go."""
    kept: list[list[int]] = []
    for number in range(steps):
        kept = [[number], [number, number], *kept[:2]]
    return len(kept)


def text(steps: int = TEXT) -> int:
    """Split, replace and join a line."""
    total = 0
    for _ in range(steps):
        total += len("-".join(_LINE.replace("fox", "hound").split()))
    return total


def numpy(steps: int = NUMPY) -> float:
    """Add up a small array."""
    total = 0.0
    for _ in range(steps):
        total += float((_ARRAY * 2.0)[7])
    return total


def _depth(level: int) -> int:
    return 1 + _depth(level - 1) if level else 0


def recursion(steps: int = RECURSION) -> int:
    """Call a function ten levels deep."""
    total = 0
    for _ in range(steps):
        total += _depth(10)
    return total


FUNCTIONS: dict[str, Callable[..., float]] = {
    function.__name__: function
    for function in (
        interpreter,
        calls,
        dictionary,
        sets,
        regex,
        json_encode,
        json_decode,
        sort,
        sqlite,
        hashing,
        allocation,
        numpy,
        text,
        recursion,
    )
}
