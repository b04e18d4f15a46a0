"""Every message between the conductor and a worker, in the order in which they are sent.

A worker starts, collects, and parks: `Ready`. The conductor lets both workers of a block go at
once: `Go`. Each test starts with `Began`; a measured one gives a `Slices` for each operation, one
that cannot be measured an `Ended`; the last word is `Done`. Between themselves the two workers
speak the turnstile's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pytest_perfmon.model.codec import from_plain, to_plain


@dataclass(frozen=True, slots=True)
class Ready:
    """Collected, parked before the first test.

    Attributes:
        nodeids: the perf tests that were collected.
        meeting_place: where this worker waits for the other one.
    """

    nodeids: tuple[str, ...]
    meeting_place: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How one operation is sliced, the same on both sides and, once found, in every block.

    Attributes:
        calls: calls in a slice.
        couplets: pairs of turns in either order; a side makes two slices in each.
        statistic: what the slices are of.
    """

    calls: int
    couplets: int
    statistic: str


@dataclass(frozen=True, slots=True)
class Go:
    """Measure these tests, in lockstep with the other worker.

    Attributes:
        nodeids: the tests, in order.
        slot: 0 waits at its meeting place and paces what has no pace yet; 1 goes there.
        meeting_place: slot 0's.
        seed: of the block: coins, and the random state that tests start from.
        statistics: what is compared, by node id.
        paces: by node id, then operation, from earlier blocks.
        cpu: to measure on; None leaves the choice to the system.
        all_cpus: to run on where one CPU will not do.
        always_pin: whether one CPU has to do.
        slice_seconds: the longest that one side may wait for the other.
    """

    nodeids: tuple[str, ...]
    slot: int
    meeting_place: str
    seed: int
    statistics: dict[str, str]
    paces: dict[str, dict[str, Pace]]
    cpu: int | None
    all_cpus: tuple[int, ...]
    always_pin: bool
    slice_seconds: float


@dataclass(frozen=True, slots=True)
class Began:
    """A test starts, with its set-up."""

    nodeid: str


@dataclass(frozen=True, slots=True)
class Slices:
    """What one side measured of one operation in a block.

    Attributes:
        values: nanoseconds a call (bytes for memory), one a slice, in the order made.
        slot_zero_first: for each pair of slices, whether slot 0 went first.
        pinned: whether both sides ran on one CPU.
    """

    nodeid: str
    operation: str
    pace: Pace
    values: tuple[float, ...]
    slot_zero_first: tuple[bool, ...]
    pinned: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A test that this side could not measure, and why.

    Attributes:
        consequence: whether it failed only because the other side had failed or was gone.
        in_setup: whether its set-up failed.
    """

    nodeid: str
    reason: str
    consequence: bool = False
    in_setup: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a worker's block.

    Attributes:
        modules: `__file__` of every module by name; None for those without.
        involuntary_switches: how often the system took the CPU away while tests ran.
        control_ns: readings of the reference loop.
    """

    modules: dict[str, str | None]
    involuntary_switches: int = 0
    control_ns: tuple[int, ...] = field(default=())


Message: TypeAlias = Ready | Go | Began | Slices | Ended | Done
_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind for kind in (Ready, Go, Began, Slices, Ended, Done)
}


def encode(message: Message) -> dict[str, Any]:
    """Turn a message into plain data."""
    return {"kind": type(message).__name__, "body": to_plain(message)}


def decode(data: dict[str, Any]) -> Message:
    """Read a message.

    Raises:
        KeyError, TypeError, ValueError: for what is none.
    """
    message: Message = from_plain(_KINDS[data["kind"]], data["body"])
    return message
