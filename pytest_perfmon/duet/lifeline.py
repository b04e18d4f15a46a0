"""A child's end with its parent, however the parent ends."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have the kernel kill this process as soon as its parent is gone.

    A child notices a closed connection only between tests; in a call that hangs it would outlive
    a killed parent. A thread that listened would make its process one of several threads, which
    measured code can see and `fork` warns about. Linux alone has the request, `prctl(2)`.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - for children, and not every build of Python has it

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
