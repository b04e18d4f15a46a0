"""`budget` marks as data; the only reader of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from pytest_perfmon import units
from pytest_perfmon.errors import MarkError, UsageError
from pytest_perfmon.model.budget import Budget, Limit, MeasureOptions, OnUndecided

_LIMITS: Final[dict[str, Callable[[Any, str], float]]] = {
    **dict.fromkeys(("p50", "p90", "p95", "p99", "mean", "max"), units.parse_limit_ns),
    "error_rate": units.parse_share,
    "max_regression": units.parse_change,
    **dict.fromkeys(("calls", "allocations"), units.parse_count),
    "peak_memory": units.parse_bytes,
}
_OPTIONS: Final = ("rounds", "min_rounds", "max_time", "on_undecided")


def uses_our_fixture(item: pytest.Item) -> bool:
    """Say whether the item asks for this plugin's `perf_monitor`, not one of the user's own.

    One of the user's that takes ours and hands it on counts as ours.
    """
    if "perf_monitor" not in getattr(item, "fixturenames", ()):
        return False
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    definitions = known.get("perf_monitor")
    if not definitions:
        return True
    for definition in reversed(definitions):
        if inspect.getmodule(definition.func) is inspect.getmodule(_door()):
            return True
        if "perf_monitor" not in definition.argnames:
            return False
    return False


def _door() -> Callable[..., Any]:
    from pytest_perfmon.plugin import pytest_addoption  # noqa: PLC0415 - the door imports this

    return pytest_addoption


def budgets_of(item: pytest.Item) -> tuple[Budget, ...]:
    """Read the item's `budget` marks, the closest first; those of other tools are left alone.

    A mark is ours when it carries one of our limit keywords or the test uses the fixture.

    Raises:
        MarkError: naming the test, the value and what is allowed.
    """
    ours = uses_our_fixture(item)
    budgets = []
    for mark in item.iter_markers("budget"):
        if ours or mark.kwargs.keys() & _LIMITS.keys():
            try:
                budgets.append(_budget(mark))
            except UsageError as error:
                raise MarkError(f"{item.nodeid}: {error}") from None
    return _closest(budgets)


def _budget(mark: pytest.Mark) -> Budget:
    if len(mark.args) > 1 or not all(isinstance(one, str) and one.strip() for one in mark.args):
        shown = ", ".join(map(repr, mark.args))
        raise MarkError(f"budget({shown}): expected at most the operation's name before keywords")
    unknown = [name for name in mark.kwargs if name not in _LIMITS and name not in _OPTIONS]
    if unknown:
        known = ", ".join((*_LIMITS, *_OPTIONS))
        raise MarkError(
            f"budget({unknown[0]}={mark.kwargs[unknown[0]]!r}): expected one of {known}"
        )
    limits = []
    for name, value in mark.kwargs.items():
        if name in _LIMITS:
            limits.append(Limit(name, float(_LIMITS[name](value, f"budget({name}=)"))))
    for limit in limits:
        if limit.criterion == "error_rate" and limit.limit >= 1:
            raise MarkError(
                f"budget(error_rate={mark.kwargs['error_rate']!r}): expected a share below 1"
            )
    return Budget(
        operation=mark.args[0] if mark.args else None,
        limits=tuple(limits),
        options=_options(mark.kwargs),
        on_undecided=_on_undecided(mark.kwargs.get("on_undecided", "pass")),
    )


def _options(keywords: Mapping[str, Any]) -> MeasureOptions:
    def taken(name: str, parse: Callable[[Any, str], int]) -> int | None:
        return parse(keywords[name], f"budget({name}=)") if name in keywords else None

    return MeasureOptions(
        rounds=taken("rounds", units.parse_count),
        min_rounds=taken("min_rounds", units.parse_count),
        max_time_ns=taken("max_time", units.parse_cap_ns),
    )


def _on_undecided(value: Any) -> OnUndecided:
    try:
        return OnUndecided(value)
    except ValueError:
        allowed = ", ".join(repr(one.value) for one in OnUndecided)
        raise MarkError(f"budget(on_undecided={value!r}): expected one of {allowed}") from None


def _closest(budgets: list[Budget]) -> tuple[Budget, ...]:
    """Let a closer mark's limit replace the same criterion of a farther one, per operation."""
    seen: set[tuple[str | None, str]] = set()
    kept = []
    for budget in budgets:
        limits = tuple(
            limit for limit in budget.limits if (budget.operation, limit.criterion) not in seen
        )
        seen.update((budget.operation, limit.criterion) for limit in limits)
        kept.append(Budget(budget.operation, limits, budget.options, budget.on_undecided))
    return tuple(kept)
