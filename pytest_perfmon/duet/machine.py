"""What the machine did meanwhile, as far as it tells."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

_STAT: Final = Path("/proc/stat")
_STEAL: Final = 8


@dataclass(frozen=True, slots=True)
class MachineState:
    """The machine's state while a comparison ran.

    Attributes:
        steal_seconds: CPU time that the host gave to others, where the system tells.
        involuntary_switches: how often workers lost their CPU while they measured.
        control_ns: readings of the reference loop in the workers.
    """

    steal_seconds: float
    involuntary_switches: int
    control_ns: tuple[int, ...]

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
