"""`python -m pytest_perfmon`."""

from __future__ import annotations

import sys

from pytest_perfmon.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
