"""What the service may cost, said once: its tests and its dashboard read the same limits.

They leave an order of magnitude to spare, so that a slow machine stays green; smaller changes are
what a saved baseline is for.
"""

from __future__ import annotations

from typing import Final

BUDGETS: Final = {
    "GET /tasks/": "100ms",
    "POST /tasks/": "100ms",
    "sql.select": "30ms",
    "sql.insert": "30ms",
    "sql.commit": "50ms",
}
"""The limit on the p95, by operation."""
