"""What the machine did meanwhile, as far as it tells."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

_CGROUP: Final = Path("/proc/self/cgroup")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_GROUP: Final = "0::/"  # of control groups of version 2
_STAT: Final = Path("/proc/stat")
_STEAL: Final = 8


@dataclass(frozen=True, slots=True)
class MachineState:
    """The machine's state while a comparison ran.

    Attributes:
        steal_seconds: CPU time that the host gave to others, where the system tells.
        involuntary_switches: how often workers lost their CPU while they measured.
        control_ns: readings of the reference loop in the workers.
        cpu_quota: the CPUs that a container was allowed; None where there was no limit.
    """

    steal_seconds: float
    involuntary_switches: int
    control_ns: tuple[int, ...]
    cpu_quota: float | None = None

    @property
    def control_spread(self) -> float:
        """Half the width of the middle half of the control's readings, as a share of the median."""
        ordered = sorted(self.control_ns)
        if len(ordered) < 4 or not ordered[0]:  # noqa: PLR2004 - quartiles take four
            return 0.0
        quarter = len(ordered) // 4
        return (ordered[-1 - quarter] - ordered[quarter]) / 2 / median(ordered)


def read_steal() -> float:
    """Give the seconds that the host has taken from this machine so far; 0 where unknown."""
    try:
        fields = _STAT.read_text(encoding="ascii").splitlines()[0].split()
        return int(fields[_STEAL]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def cpu_quota() -> float | None:
    """Give how many CPUs' time this process may use; None where nothing says.

    It is the least `cpu.max` of its control group (Linux, version 2) and of those around it.
    """
    try:
        lines = _CGROUP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    own = [line.removeprefix(_OWN_GROUP) for line in lines if line.startswith(_OWN_GROUP)]
    if not own:
        return None
    group = _CGROUPS / own[0]
    around = (one for one in (group, *group.parents) if one.is_relative_to(_CGROUPS))
    quotas = (_quota(one / "cpu.max") for one in around)
    return min((quota for quota in quotas if quota is not None), default=None)


def is_scarce(quota: float | None) -> bool:
    """Tell whether less than two CPUs are allowed, so that two processes hinder each other."""
    return quota is not None and quota < 2  # noqa: PLR2004 - one for each


def _quota(limit: Path) -> float | None:
    try:
        allowed, period = map(int, limit.read_text(encoding="ascii").split())
    except (OSError, ValueError):  # `max` is no number; in a container the groups around are hidden
        return None
    return allowed / period if period else None
