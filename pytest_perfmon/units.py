"""Durations, shares and sizes: read as users write them, shown on one scale.

Limits on measured times are milliseconds when they are plain numbers; a string carries its own
unit. Inside the package a raw time is an integer (or, for means, a float) of nanoseconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from pytest_perfmon.errors import UsageError

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
NS_PER_MINUTE: Final = 60 * NS_PER_S
_NS_PER_UNIT: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # the micro sign
    "\u03bcs": 1_000,  # the Greek letter, which some keyboards give
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "min": NS_PER_MINUTE,
}
_BYTES_PER_UNIT: Final = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
_NUMBER_AND_UNIT: Final = re.compile(
    r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z\u00b5\u03bc%]*)\s*"
)


def _split(text: str) -> tuple[float, str] | None:
    match = _NUMBER_AND_UNIT.fullmatch(text)
    return (float(match[1]), match[2]) if match else None


def _positive(value: float, shown: object, what: str, factor: float = 1.0) -> float:
    try:
        product = value * factor
    except OverflowError:  # an integer beyond every float
        product = math.inf
    if not math.isfinite(product) or product <= 0:
        raise UsageError(f"{what} is {shown!r}: expected a finite number above zero")
    return product


def _whole(value: float) -> int:
    return max(1, round(value))


def parse_limit_ns(value: object, what: str) -> float:
    """Read a limit on a measured time; a plain number is milliseconds, a string carries its unit.

    Args:
        value: `50`, `0.2`, `"200us"`, `"50ms"`, `"1.5s"`.
        what: how the message names the value, such as `p95`.

    Returns:
        Nanoseconds, finite and above zero.

    Raises:
        UsageError: naming the value and what is allowed.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _positive(value, value, what, float(NS_PER_MS))
    if isinstance(value, str):
        split = _split(value)
        if split and split[1] in _NS_PER_UNIT:
            return _positive(split[0], value, what, _NS_PER_UNIT[split[1]])
    raise UsageError(
        f"{what} is {value!r}: expected milliseconds as a number,"
        ' or a text such as "200us", "50ms" or "1.5s"'
    )


def parse_cap_ns(value: object, what: str) -> int:
    """Read a cap on how long we may take; it always carries a unit.

    Raises:
        UsageError: for a bare number too, saying that a unit is needed.
    """
    split = _split(value) if isinstance(value, str) else None
    if split and split[1] in _NS_PER_UNIT:
        return _whole(_positive(split[0], value, what, _NS_PER_UNIT[split[1]]))
    bare = isinstance(value, (int, float)) or (split is not None and not split[1])
    hint = " (a bare number has no unit here)" if bare else ""
    raise UsageError(
        f'{what} is {value!r}{hint}: expected a time with its unit, such as "500ms" or "2s"'
    )


def parse_share(value: object, what: str) -> float:
    """Read a share such as `"10%"` or `0.1`; gives 0.1.

    Raises:
        UsageError: for anything that is not a finite share above zero.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _positive(value, value, what)
    split = _split(value) if isinstance(value, str) else None
    if split and split[1] in ("", "%"):
        return _positive(split[0] / (100 if split[1] else 1), value, what)
    raise UsageError(f'{what} is {value!r}: expected a share such as "10%" or 0.1')


def parse_change(value: object, what: str) -> float:
    """Read the share of a change, such as `"10%"` or 0.1; 10 is refused, which would be 1,000 %.

    Raises:
        UsageError: for anything else.
    """
    share = parse_share(value, what)
    if share >= 1 and not str(value).rstrip().endswith("%"):
        raise UsageError(f'{what} is {value!r}: expected a share such as "10%" or 0.1')
    return share


def parse_count(value: object, what: str) -> int:
    """Take a whole number above zero.

    Raises:
        UsageError: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{what} is {value!r}: expected a whole number above zero")
    return value


def parse_bytes(value: object, what: str) -> int:
    """Read a size; a plain integer is bytes, a string carries its unit (`"24MB"`, `"1.5MiB"`).

    Raises:
        UsageError: naming the value and what is allowed.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        _positive(value, value, what)
        return value
    split = _split(value) if isinstance(value, str) else None
    if split and split[1].lower() in _BYTES_PER_UNIT:
        return _whole(_positive(split[0], value, what, _BYTES_PER_UNIT[split[1].lower()]))
    raise UsageError(
        f'{what} is {value!r}: expected bytes as an integer, or a text such as "24MB" or "1.5MiB"'
    )


class Scale(NamedTuple):
    """A unit that several times are shown in together."""

    unit: str
    ns_per_unit: int

    def number(self, ns: float) -> str:
        """Show nanoseconds in this unit with three significant digits, never in exponent form."""
        if not math.isfinite(ns):
            return "∞" if ns > 0 else "-"
        value = ns / self.ns_per_unit
        if value == 0:
            return "0"
        digits = max(0, 2 - math.floor(math.log10(abs(value))))
        rounded = round(value, digits)
        digits = max(0, 2 - math.floor(math.log10(abs(rounded)))) if rounded else digits
        return f"{rounded:,.{digits}f}"

    def text(self, ns: float) -> str:
        """Show nanoseconds in this unit, with the unit."""
        return f"{self.number(ns)} {self.unit}"


SCALES: Final = (
    Scale("ns", 1),
    Scale("us", 1_000),
    Scale("ms", NS_PER_MS),
    Scale("s", NS_PER_S),
)


def common_scale(values_ns: Iterable[float]) -> Scale:
    """Choose the one unit for a row of times, so that its smallest non-zero time is 1 or more.

    The choice is made on the rounded form, so 999.9996 us becomes `1.00 ms`, not `1,000 us`.
    """
    smallest = min((abs(v) for v in values_ns if v and math.isfinite(v)), default=0.0)
    chosen = SCALES[0]
    for scale in SCALES:
        if float(f"{smallest:.3g}") >= scale.ns_per_unit:
            chosen = scale
    return chosen


def scale_named(unit: str, what: str) -> Scale:
    """Give the scale of that unit.

    Raises:
        UsageError: listing the units there are.
    """
    for scale in SCALES:
        if scale.unit == unit:
            return scale
    known = ", ".join(scale.unit for scale in SCALES)
    raise UsageError(f"{what} is {unit!r}: expected one of {known}")


def format_ns(ns: float) -> str:
    """Show one time in the unit that suits it, three significant digits: `61.2 ms`."""
    return common_scale([ns]).text(ns)


def format_share(share: float, *, signed: bool = False) -> str:
    """Show a share as a percentage: `6.8%`, with a sign `+6.8%`; three digits from 100 % on."""
    percent = share * 100
    digits = 1 if abs(percent) < 99.95 else 0  # noqa: PLR2004 - where one decimal would print 100.0
    return f"{percent:{'+' if signed else ''}.{digits}f}%"


def format_ends(low: float, high: float) -> str:
    """Show an interval of signed shares, in percent: `[+4.1, +9.6]`."""
    ends = (format_share(end, signed=True).removesuffix("%") for end in (low, high))
    return f"[{', '.join(ends)}]"


def format_limit_ns(ns: float) -> str:
    """Show a limit as shortly as it was probably written: `50 ms`, `1.5 s`, `200 us`."""
    scale = common_scale([ns])
    return f"{ns / scale.ns_per_unit:.6g} {scale.unit}"


def format_bytes(size: float) -> str:
    """Show a size with three significant digits in decimal units: `24.0 MB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if float(f"{size:.3g}") >= factor:  # as it will be rounded: never `1,000 kB`
            return Scale(unit, factor).text(size)
    return f"{size:.0f} B"
