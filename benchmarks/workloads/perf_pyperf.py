"""The same functions as pyperf measures them."""

import pyperf
from table import FUNCTIONS, TWELVE

if __name__ == "__main__":
    runner = pyperf.Runner()
    for name in TWELVE:
        runner.bench_func(name, FUNCTIONS[name])
