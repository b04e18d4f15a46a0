"""The program of a child: pytest as `python -m pytest` runs it, and gone at once at its end.

PYTEST_DONT_REWRITE. Taking an interpreter to pieces costs a tenth of what a child costs, which a
comparison pays dozens of times. So this ends as the children of multiprocessing do: threads are
joined, what `atexit` was given runs, and the process is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from typing import NoReturn

import pytest


def main() -> NoReturn:
    """Run pytest on this process's arguments and end the process with its exit code."""
    code = int(pytest.console_main())
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing
    atexit._run_exitfuncs()  # noqa: SLF001 - as above
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
