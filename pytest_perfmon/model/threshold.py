"""How the threshold of a comparison with stored runs came about, number by number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ControlPart:
    """What the reference loop had to do with a threshold; times in nanoseconds.

    Attributes:
        coefficient: the share (as an exponent) by which the figure follows the control; None where
            it is not used, because the suite as a whole is predicted more sharply without.
        stored: geometric mean of its stored readings.
        reading: beside the new figure.
        low, high: where its next reading was expected, at 99 %.
        explained: change of the figure that it accounts for, a share.
        allowed: further change that it may account for, because the reading lies beyond all stored
            ones; a share, 0 where it does not.
    """

    coefficient: float | None
    stored: float
    reading: float
    low: float
    high: float
    explained: float
    allowed: float


@dataclass(frozen=True, slots=True)
class SpreadPart:
    """How far apart runs are where nothing changed; standard deviations of log figures.

    Attributes:
        own: of this key's stored runs.
        df: degrees of freedom of `own`.
        prior: what the suite's other keys say.
        prior_df: degrees of freedom that the prior is worth.
        moderated: both together.
        quantile: Student's t at the level, with the degrees of freedom of both.
    """

    own: float
    df: int
    prior: float
    prior_df: float
    moderated: float
    quantile: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """The threshold of one comparison; times in nanoseconds.

    Attributes:
        figure: what was compared, `median` or, with one or two stored runs, `p95`.
        runs: stored runs it was compared with.
        left_out: older ones that were not, because the figure changed after them.
        mean: geometric mean of the stored figures.
        level: chance that one unchanged figure exceeds the threshold; None where it is not known.
        criteria: comparisons that share alpha.
        alpha: of the whole run.
        least: share below which a change is ignored.
        threshold: what the figure had to exceed.
        measured: the new figure.
        spread: None with one or two stored runs, which say nothing of it.
        control: None where it was not read in every run.
    """

    figure: str
    runs: int
    left_out: int
    mean: float
    level: float | None
    criteria: int
    alpha: float
    least: float
    threshold: float
    measured: float
    spread: SpreadPart | None = None
    control: ControlPart | None = None
