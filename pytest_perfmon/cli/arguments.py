"""Values of arguments, read as argparse wants its types to."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import Final

MOST_LAST: Final = 2_000
_DAYS: Final = {"d": 1, "w": 7}
_LONGEST_DAYS: Final = 36_500


def whole_number(text: str) -> int:
    """Read a number of things, 1 or more."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 1 or more")
    return int(text)


def last_runs(text: str) -> int:
    """Read how many runs to look back at: creep compares all pairs of them."""
    number = whole_number(text)
    if number > MOST_LAST:
        raise argparse.ArgumentTypeError(f"{text!r}: expected at most {MOST_LAST:,}")
    return number


def age(text: str) -> timedelta:
    """Read an age such as `90d` or `12w`, at most a hundred years."""
    match = re.fullmatch(r"([0-9]{1,6})([dw])", text)
    days = int(match[1]) * _DAYS[match[2]] if match else -1
    if not 0 <= days <= _LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r}: expected days or weeks, such as 90d or 12w")
    return timedelta(days=days)
