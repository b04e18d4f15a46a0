"""What every tool measures: the functions by name, and fifty cases made of them."""

from functions import FUNCTIONS

CASES = [(name, copy) for copy in range(5) for name in FUNCTIONS][:50]
TWELVE = list(FUNCTIONS)[:12]
