"""Units: what users write is read exactly, what they see is rounded once and never misleads."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pytest_perfmon.errors import UsageError
from pytest_perfmon.units import (
    SCALES,
    common_scale,
    format_bytes,
    format_ends,
    format_limit_ns,
    format_ns,
    format_share,
    parse_bytes,
    parse_cap_ns,
    parse_limit_ns,
    parse_share,
    scale_named,
)

PARSERS = [parse_limit_ns, parse_cap_ns, parse_share, parse_bytes]
NS_PER_UNIT = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9}

# from a thousandth of a nanosecond to just under 1,000 s, where thousands begin to be separated
times_ns = st.floats(min_value=1e-3, max_value=999.4e9)
numbers = st.floats(min_value=1e-6, max_value=1e6)
close_to_a_unit = st.builds(
    lambda power, share: 10.0**power * (1 + share),
    st.integers(min_value=0, max_value=11),
    st.floats(min_value=-0.01, max_value=0.01),
).filter(lambda ns: ns < 999.4e9)


class TestReading:
    """What a user writes."""

    @pytest.mark.parametrize(
        ("value", "ns"),
        [
            (50, 50e6),
            (0.2, 200e3),
            ("200us", 200e3),
            ("200 µs", 200e3),
            ("200 \u03bcs", 200e3),
            ("50ms", 50e6),
            ("1.5s", 1.5e9),
            (" .5 ms ", 500e3),
            ("1e3ns", 1e3),
            ("2min", 120e9),
        ],
    )
    def test_a_limit_is_milliseconds_or_carries_its_unit(self, value, ns):
        """A plain number is milliseconds, a text is in the unit it names."""
        assert parse_limit_ns(value, "p95") == pytest.approx(ns, rel=1e-12)

    @given(numbers, st.sampled_from(sorted(NS_PER_UNIT)))
    def test_every_unit_scales_by_its_definition(self, number, unit):
        """A text limit is its number times the unit's nanoseconds."""
        assert parse_limit_ns(f"{number!r}{unit}", "p95") == pytest.approx(
            number * NS_PER_UNIT[unit], rel=1e-12
        )

    @given(numbers)
    def test_a_number_and_its_milliseconds_text_are_one(self, number):
        """`budget(p95=50)` and `budget(p95="50ms")` allow exactly the same."""
        assert parse_limit_ns(number, "p95") == parse_limit_ns(f"{number!r}ms", "p95")

    @given(numbers, st.sampled_from(sorted(NS_PER_UNIT)))
    def test_a_cap_is_a_whole_number_of_nanoseconds_above_zero(self, number, unit):
        """A cap is the limit of the same text, rounded, and never rounded down to nothing."""
        text = f"{number!r}{unit}"
        cap = parse_cap_ns(text, "max_time")
        assert isinstance(cap, int)
        assert cap == max(1, round(parse_limit_ns(text, "p95")))

    @pytest.mark.parametrize("value", [2, 2.0, "2", " 2 "])
    def test_a_bare_number_is_no_cap_and_the_message_says_why(self, value):
        """A cap without a unit is refused with a sentence about the unit."""
        with pytest.raises(UsageError, match=r"max_time is .*bare number.*its unit"):
            parse_cap_ns(value, "max_time")

    @given(st.integers(min_value=1, max_value=10_000))
    def test_a_share_is_read_alike_as_text_and_as_number(self, percent):
        """`"7%"`, `"0.07"` and 0.07 are the same float, not merely close."""
        share = percent / 100
        assert parse_share(f"{percent}%", "x") == parse_share(repr(share), "x") == share
        assert parse_share(share, "x") == share

    @pytest.mark.parametrize(
        ("value", "size"),
        [(1, 1), ("24MB", 24_000_000), ("1.5MiB", 1_572_864), ("2 kib", 2_048), ("0.1B", 1)],
    )
    def test_sizes_know_decimal_and_binary_units(self, value, size):
        """Sizes are whole bytes above zero; unit names are read in any case."""
        assert parse_bytes(value, "peak_memory") == size

    @given(st.integers(min_value=1, max_value=2**80))
    def test_an_integer_size_is_kept_exactly(self, size):
        """A size given as an integer does not pass through a float."""
        assert parse_bytes(size, "peak_memory") == size


@pytest.mark.parametrize("parse", PARSERS)
class TestRefusing:
    """What a user must not write: a usage error that names it, never another exception."""

    @pytest.mark.parametrize(
        "value",
        [
            0,
            0.0,
            -1,
            -0.5,
            math.nan,
            math.inf,
            -math.inf,
            10**400,
            -(10**400),
            True,
            False,
            None,
            b"5ms",
            [],
            "",
            "ms",
            "five ms",
            "5 parsecs",
            "5ms5",
            "1,5ms",
            "nan",
            "infms",
            "-5ms",
            "-5%",
            "-5MB",
            "0ms",
            "0%",
            "0MB",
            "1e400ms",
            "1e400%",
            "1e400MB",
            "1e305s",
            "1e305GB",
            "1e-400ms",
        ],
    )
    def test_a_bad_value_is_named(self, parse, value):
        """The message holds the option's name and the value as Python writes it."""
        with pytest.raises(UsageError) as raised:
            parse(value, "the option")
        assert f"the option is {value!r}" in str(raised.value)
        assert "expected" in str(raised.value)

    @given(value=st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.binary()))
    def test_anything_is_either_read_as_above_zero_or_a_usage_error(self, parse, value):
        """No input gets another exception, or a result that is not finite and above zero."""
        try:
            read = parse(value, "the option")
        except UsageError as refused:
            assert repr(value) in str(refused)  # noqa: PT017 - being refused is one of two ends
        else:
            assert 0 < read < math.inf


class TestShowing:
    """What a user sees."""

    @given(st.one_of(times_ns, close_to_a_unit))
    @example(999_999.0)
    @example(999_500.0)
    @example(999_499.9)
    @example(999.5)
    @example(0.9995)
    def test_a_time_is_shown_within_half_a_percent(self, ns):
        """Reading back what was shown gives the time, within 0.5 %."""
        assert parse_limit_ns(format_ns(ns), "shown") == pytest.approx(ns, rel=0.005)

    @given(st.one_of(times_ns, close_to_a_unit))
    @example(999_999.0)
    @example(999_500.0)
    def test_a_unit_is_never_overflowed(self, ns):
        """Below 1,000 s nothing reads `1,000 us`: the next unit is taken instead."""
        shown = format_ns(ns)
        assert "," not in shown
        assert float(shown.split()[0]) < 1000

    @given(st.one_of(times_ns, close_to_a_unit).filter(lambda ns: ns >= 1))
    def test_a_time_has_three_significant_digits(self, ns):
        """From 1 ns up a time is shown as `1.23`, `12.3` or `123`, of a unit that it reaches."""
        assert re.fullmatch(r"([1-9]\.\d\d|[1-9]\d\.\d|[1-9]\d\d) (ns|us|ms|s)", format_ns(ns))

    @given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(SCALES))
    def test_no_number_is_shown_in_exponent_form(self, ns, scale):
        """Whatever the time and the unit, a table's cell holds plain digits or a sign for none."""
        assert re.fullmatch(r"-?[\d,]+(\.\d+)?|∞|-", scale.number(ns))

    @given(st.lists(times_ns, min_size=1))
    def test_a_row_has_one_unit_that_its_smallest_reaches(self, row):
        """The unit of a row is the largest in which its smallest time still shows as 1 or more."""
        assume(min(row) >= 1)
        scale = common_scale(row)
        assert float(scale.number(min(row)).replace(",", "")) >= 1
        bigger = [other for other in SCALES if other.ns_per_unit > scale.ns_per_unit]
        assert all(float(f"{min(row):.3g}") < other.ns_per_unit for other in bigger)

    @given(st.lists(times_ns, min_size=1), st.randoms(use_true_random=False))
    def test_the_order_of_a_row_changes_nothing(self, row, random):
        """A row's unit depends on its times, not on their order, nor on zeros and gaps."""
        shuffled = [*row, 0.0, math.inf, math.nan]
        random.shuffle(shuffled)
        assert common_scale(shuffled) == common_scale(row)

    @pytest.mark.parametrize("row", [[], [0.0], [math.inf, math.nan]])
    def test_a_row_of_nothing_is_in_nanoseconds(self, row):
        """A row without a finite time above zero still has a unit."""
        assert common_scale(row).unit == "ns"

    @pytest.mark.parametrize(
        ("ns", "shown"),
        [
            (0, "0 ns"),
            (0.25, "0.250 ns"),
            (61_200_000, "61.2 ms"),
            (1_234, "1.23 us"),
            (61_200e9, "61,200 s"),
            (math.inf, "∞ ns"),
            (math.nan, "- ns"),
            (-1_500, "-1.50 us"),
        ],
    )
    def test_examples(self, ns, shown):
        """Times look as in the documents."""
        assert format_ns(ns) == shown

    @pytest.mark.parametrize(
        ("share", "signed", "shown"),
        [
            (0.068, False, "6.8%"),
            (0.068, True, "+6.8%"),
            (-0.041, True, "-4.1%"),
            (0.99949, False, "99.9%"),
            (0.9995, False, "100%"),
            (20.5, True, "+2050%"),
        ],
    )
    def test_shares_are_percentages(self, share, signed, shown):
        """A share is shown with one decimal below 100 % and with none from there on."""
        assert format_share(share, signed=signed) == shown

    @given(st.floats(min_value=-10, max_value=10))
    def test_a_shown_share_is_close(self, share):
        """What is shown as a percentage is the share to half of its last digit."""
        percent = float(format_share(share, signed=True).rstrip("%"))
        assert abs(percent - share * 100) <= (0.0501 if abs(share) < 0.9995 else 0.501)

    def test_an_interval_shows_both_ends(self):
        """Signs are shown, and percent is understood."""
        assert format_ends(-0.0123, 0.096) == "[-1.2, +9.6]"

    @pytest.mark.parametrize("text", ["50 ms", "1.5 s", "200 us", "90 s", "123.456 ms", "1 ns"])
    def test_a_limit_is_shown_as_it_was_written(self, text):
        """A limit is read and shown again without digits that nobody wrote."""
        assert format_limit_ns(parse_limit_ns(text, "p95")) == text

    @given(times_ns)
    def test_a_limit_reads_back_closely(self, ns):
        """What is shown as the limit is the limit, to six digits."""
        assert parse_limit_ns(format_limit_ns(ns), "shown") == pytest.approx(ns, rel=1e-5)

    @given(st.integers(min_value=1, max_value=999_000_000_000))
    @example(999_999)
    @example(999_500_000)
    def test_a_size_reads_back_closely_and_overflows_no_unit(self, size):
        """Below 1,000 GB a size is shown within 0.5 %, and nothing reads `1,000 kB`."""
        shown = format_bytes(size)
        assert "," not in shown
        assert parse_bytes(shown, "shown") == pytest.approx(size, rel=0.005)

    @pytest.mark.parametrize("scale", SCALES)
    def test_a_scale_is_found_by_its_unit(self, scale):
        """Each unit names its own scale."""
        assert scale_named(scale.unit, "--perf-time-unit") is scale

    @pytest.mark.parametrize("unit", ["", "MS", "minutes"])
    def test_an_unknown_scale_lists_those_there_are(self, unit):
        """A wrong unit is a usage error that says which are right."""
        with pytest.raises(UsageError, match=r"--perf-time-unit is .*ns, us, ms, s"):
            scale_named(unit, "--perf-time-unit")
