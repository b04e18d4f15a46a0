"""The course of a measurement: first call, warm-up, calibration, slices until it may stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_perfmon.measure.batch import SLICE_NS, Batch, Batches
from pytest_perfmon.measure.calibrate import calibrate
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.plan import MOST_VALUES, Decided, Plan, Tick

_WARM_SHARE: Final = 10
_MOST_WARM: Final = 2_000
_STILL_FASTER: Final = 0.97


class Course:
    """Knows every rule of a measurement and times nothing: it orders batches and reads answers.

    Whoever times, timing functions, coroutines or a loop's body, walks through `batches()` and
    fills each one's `raw_ns`.

    Attributes:
        values_ns: the values that count so far, overhead subtracted, never below 0.
        calls_per_value: calls in each.
    """

    def __init__(
        self,
        clock: Clock,
        plan: Plan,
        decided: Decided,
        *,
        tick: Tick | None = None,
        grouping: bool,
        slice_ns: int = SLICE_NS,
    ) -> None:
        """Set out.

        Args:
            clock: the clock that the batches are timed with.
            plan: when to stop.
            decided: asked after every slice.
            tick: told after every slice.
            grouping: whether calls too short for the clock may share a stretch.
            slice_ns: how long a slice lasts; 0 is one value.
        """
        self._clock = clock
        self._plan = plan
        self._decided = decided
        self._tick = tick
        self._grouping = grouping
        self._slice_ns = slice_ns
        self._all_decided = False
        self._started_ns = 0
        self.values_ns: list[int] = []
        self.calls_per_value = 1

    def batches(self) -> Batches:
        """Order one batch after another; closing it early keeps what the last one has timed."""
        self._started_ns = self._clock.now_ns()
        first = Batch(most=1, until_ns=0, warming=self._plan.rounds != 1, keep_hooks=True)
        if not first.warming:
            yield from self._counting(first)
            return
        yield first
        yield from self._warm_up(first)
        self._started_ns = self._clock.now_ns()
        if self._grouping:
            most = MOST_VALUES if self._plan.rounds is None else self._plan.rounds
            calibration = yield from calibrate(self._clock, most=most)
            self.calls_per_value = calibration.calls_per_value
            self._tell(self._keep(calibration.raw_ns))
        while not self._ended():
            yield from self._counting(self._slice())

    def _warm_up(self, first: Batch) -> Batches:
        plan = self._plan
        automatic = plan.warmup_ns is None
        span_ns = plan.max_time_ns // _WARM_SHARE if plan.warmup_ns is None else plan.warmup_ns
        end_ns = self._started_ns + span_ns
        before_ns = first.typical_ns
        while (now_ns := self._clock.now_ns()) < end_ns:
            batch = Batch(most=_MOST_WARM, until_ns=min(now_ns + SLICE_NS, end_ns), warming=True)
            yield batch
            settled = batch.typical_ns >= before_ns * _STILL_FASTER
            if (automatic and settled) or self._clock.now_ns() == now_ns:
                return
            before_ns = batch.typical_ns

    def _slice(self) -> Batch:
        now_ns = self._clock.now_ns()
        end_ns = now_ns + self._slice_ns
        wanted = MOST_VALUES if self._plan.rounds is None else self._plan.rounds
        if self._plan.rounds is None:
            end_ns = min(end_ns, self._started_ns + self._plan.max_time_ns)
        return Batch(
            most=wanted - len(self.values_ns),
            until_ns=end_ns,
            calls_per_value=self.calls_per_value,
        )

    def _counting(self, batch: Batch) -> Batches:
        kept: Sequence[int] = ()
        try:
            yield batch
        finally:
            kept = self._keep(batch.raw_ns)
        self._tell(kept)

    def _keep(self, raw_ns: Sequence[int]) -> Sequence[int]:
        overhead_ns = self._clock.overhead_ns
        new = [max(0, raw - overhead_ns) for raw in raw_ns]
        self.values_ns += new
        return new

    def _tell(self, new: Sequence[int]) -> None:
        calls = self.calls_per_value
        self._all_decided = self._decided(new if calls == 1 else [ns / calls for ns in new])
        if self._tick is not None:
            self._tick(len(self.values_ns), self._clock.now_ns() - self._started_ns)

    def _ended(self) -> bool:
        plan, made = self._plan, len(self.values_ns)
        if plan.rounds is not None:
            return made >= plan.rounds
        if made == 0:
            return False
        return (
            made >= MOST_VALUES
            or self._clock.now_ns() - self._started_ns >= plan.max_time_ns
            or (self._all_decided and made >= plan.min_rounds)
        )
